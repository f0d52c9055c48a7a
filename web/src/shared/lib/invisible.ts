/** A character that is not seen, or that turns the text after it around. */
export interface Invisible {
  /** How it is marked, as "RLO". */
  sign: string
  /** "U+202E right-to-left override". */
  name: string
}

const known = new Map<number, [sign: string, name: string]>([
  [0x00, ['NUL', 'null character']],
  [0x08, ['BS', 'backspace']],
  [0x1b, ['ESC', 'escape']],
  [0x7f, ['DEL', 'delete']],
  [0x85, ['NEL', 'next line']],
  [0xad, ['SHY', 'soft hyphen']],
  [0x34f, ['CGJ', 'combining grapheme joiner']],
  [0x61c, ['ALM', 'Arabic letter mark']],
  [0x180e, ['MVS', 'Mongolian vowel separator']],
  [0x200b, ['ZWSP', 'zero width space']],
  [0x200c, ['ZWNJ', 'zero width non-joiner']],
  [0x200d, ['ZWJ', 'zero width joiner']],
  [0x200e, ['LRM', 'left-to-right mark']],
  [0x200f, ['RLM', 'right-to-left mark']],
  [0x2028, ['LS', 'line separator']],
  [0x2029, ['PS', 'paragraph separator']],
  [0x202a, ['LRE', 'left-to-right embedding']],
  [0x202b, ['RLE', 'right-to-left embedding']],
  [0x202c, ['PDF', 'pop directional formatting']],
  [0x202d, ['LRO', 'left-to-right override']],
  [0x202e, ['RLO', 'right-to-left override']],
  [0x2060, ['WJ', 'word joiner']],
  [0x2066, ['LRI', 'left-to-right isolate']],
  [0x2067, ['RLI', 'right-to-left isolate']],
  [0x2068, ['FSI', 'first strong isolate']],
  [0x2069, ['PDI', 'pop directional isolate']],
  [0xfeff, ['BOM', 'zero width no-break space (byte order mark)']],
])

// Line breaks and tabs are no matter of this; joiners and selectors within an emoji, and tags within a flag, belong to what is seen.
const hidden = /(?!(?<=\p{Extended_Pictographic}\uFE0F?\p{Emoji_Modifier}?)\u200D(?=\p{Extended_Pictographic}))(?!(?<=\u{1F3F4}[\u{E0020}-\u{E007F}]*)[\u{E0020}-\u{E007F}])(?![\t\n\r\uFE00-\uFE0F\u{E0100}-\u{E01EF}])[\p{Cc}\p{Default_Ignorable_Code_Point}\u2028\u2029\uFFF9-\uFFFB]/gu

function described(character: string): Invisible {
  const code = character.codePointAt(0) ?? 0
  const hex = code.toString(16).toUpperCase().padStart(4, '0')
  const [sign, name] = known.get(code) ?? [`U+${hex}`, code < 0xa0 ? 'control character' : 'character that is not seen']
  return { sign, name: `U+${hex} ${name}` }
}

/** A text in parts: what is seen as it is, and what is not with its name. */
export function partsOf(text: string): (string | Invisible)[] {
  const parts: (string | Invisible)[] = []
  let from = 0
  for (const { 0: character, index } of text.matchAll(hidden)) {
    if (index > from) parts.push(text.slice(from, index))
    parts.push(described(character))
    from = index + character.length
  }
  if (from < text.length) parts.push(text.slice(from))
  return parts
}

/** The characters of a text that are not seen, each kind once. */
export function invisibleIn(text: string): Invisible[] {
  const found = new Map(partsOf(text).flatMap((part) => (typeof part === 'string' ? [] : [[part.name, part] as const])))
  return [...found.values()]
}
