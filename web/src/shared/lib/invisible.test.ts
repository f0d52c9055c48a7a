import { invisibleIn, partsOf } from './invisible'

test.each([
  ['', []],
  ['plain\ttext\r\nof lines', []],
  ['naïve 東京 עברית e\u0301', []],
  ['👩🏽‍🚀 👨‍👩‍👧 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿', []],
  ['in\u202Evoice', ['U+202E right-to-left override']],
  ['a\u200Bb\u200Bc', ['U+200B zero width space']],
  ['\uFEFFid', ['U+FEFF zero width no-break space (byte order mark)']],
  ['\u2067x\u2069', ['U+2067 right-to-left isolate', 'U+2069 pop directional isolate']],
  ['a\u200Db', ['U+200D zero width joiner']],
  ['a\u0007\u{E0041}', ['U+0007 control character', 'U+E0041 character that is not seen']],
])('what is not seen in %j', (text, names) => {
  expect(invisibleIn(text).map((each) => each.name)).toEqual(names)
})

test('the rest of a text stays as it is', () => {
  expect(partsOf('a\u202Eb\u202Cc')).toEqual(['a', { sign: 'RLO', name: 'U+202E right-to-left override' }, 'b', { sign: 'PDF', name: 'U+202C pop directional formatting' }, 'c'])
})
