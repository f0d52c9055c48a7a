package sniff

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/saintfish/chardet"

	"github.com/etlportal/etlportal/internal/csv"
)

// legacySample bounds what the statistics look at: lines with bytes beyond
// ASCII up to this many bytes.
const legacySample = 32 << 10

// candidates are the encodings tried when a file is not Unicode. The order
// breaks ties.
var candidates = []csv.Encoding{
	csv.Windows1252, csv.ShiftJIS, csv.EUCJP, csv.GB18030, csv.EUCKR, csv.Big5,
	csv.Windows1251, csv.KOI8R, csv.Windows1250, csv.ISO8859x2, csv.ISO8859x15,
	csv.Windows1253, csv.Windows1254, csv.Windows1255, csv.Windows1256, csv.Windows1257,
}

// detectorNames are the names that chardet has for candidates.
var detectorNames = map[string][]csv.Encoding{
	"ISO-8859-1":   {csv.Windows1252, csv.ISO8859x15},
	"windows-1252": {csv.Windows1252},
	"ISO-8859-2":   {csv.Windows1250, csv.ISO8859x2},
	"windows-1250": {csv.Windows1250},
	"windows-1251": {csv.Windows1251},
	"KOI8-R":       {csv.KOI8R},
	"ISO-8859-7":   {csv.Windows1253},
	"windows-1253": {csv.Windows1253},
	"ISO-8859-9":   {csv.Windows1254},
	"windows-1254": {csv.Windows1254},
	"ISO-8859-8":   {csv.Windows1255},
	"windows-1255": {csv.Windows1255},
	"windows-1256": {csv.Windows1256},
	"Shift_JIS":    {csv.ShiftJIS},
	"EUC-JP":       {csv.EUCJP},
	"EUC-KR":       {csv.EUCKR},
	"GB-18030":     {csv.GB18030},
	"GB18030":      {csv.GB18030},
	"Big5":         {csv.Big5},
}

// legacy chooses among the encodings older than Unicode. The statistical
// detector alone is weak on short samples, so its vote is added to what the
// decoded text looks like.
func legacy(b []byte) (csv.Encoding, float64, []string) {
	text := highLines(b)
	votes := map[csv.Encoding]float64{}
	best := chardet.Result{}
	if all, err := chardet.NewTextDetector().DetectAll(text); err == nil {
		for _, r := range all {
			for _, e := range detectorNames[r.Charset] {
				votes[e] = max(votes[e], float64(r.Confidence)/100)
			}
			// The detector's own order is not repeatable among equals.
			if len(detectorNames[r.Charset]) > 0 && (r.Confidence > best.Confidence || r.Confidence == best.Confidence && r.Charset < best.Charset) {
				best = r
			}
		}
	}
	type scored struct {
		e     csv.Encoding
		score float64
	}
	var all []scored
	for _, e := range candidates {
		decoded, err := decode(text, e, false)
		if err != nil {
			continue
		}
		plausible := plausibility(decoded, e)
		if plausible < 0 {
			continue
		}
		all = append(all, scored{e, plausible + 0.25*votes[e] + prior[e]})
	}
	if len(all) == 0 {
		return csv.Windows1252, 0.3, []string{"no encoding reads it well; Windows-1252 is the most common"}
	}
	slices.SortStableFunc(all, func(x, y scored) int {
		switch {
		case x.score > y.score:
			return -1
		case x.score < y.score:
			return 1
		}
		return 0
	})
	e := all[0].e
	margin := all[0].score
	if len(all) > 1 {
		margin -= all[1].score
	}
	evidence := []string{}
	if best.Confidence > 0 {
		evidence = append(evidence, fmt.Sprintf("the statistical detector says %s (%d %%)", best.Charset, best.Confidence))
	}
	if len(all) > 1 {
		evidence = append(evidence, fmt.Sprintf("reads more naturally than as %s (%.2f against %.2f)", all[1].e, all[0].score, all[1].score))
	}
	if e == csv.Windows1252 && !slices.ContainsFunc(b, func(c byte) bool { return c >= 0x80 && c <= 0x9F }) {
		evidence = append(evidence, "no byte from 0x80 to 0x9F: ISO-8859-1 reads the same")
	}
	return e, min(0.97, 0.5+margin), evidence
}

// prior settles what the text leaves open in favour of the common encodings.
var prior = map[csv.Encoding]float64{
	csv.Windows1252: 0.10, csv.Windows1251: 0.04, csv.Windows1250: 0.04, csv.ShiftJIS: 0.05, csv.GB18030: 0.05,
	csv.EUCKR: 0.04, csv.Big5: 0.03, csv.ISO8859x15: 0.04, csv.EUCJP: 0.03,
}

// highLines are the lines of b that have bytes beyond ASCII.
func highLines(b []byte) []byte {
	var out []byte
	for len(b) > 0 && len(out) < legacySample {
		end := bytes.IndexByte(b, '\n') + 1
		if end == 0 {
			end = min(len(b), legacySample)
		}
		for _, c := range b[:end] {
			if c >= 0x80 {
				out = append(out, b[:end]...)
				break
			}
		}
		b = b[end:]
	}
	return out
}

// The most frequent characters of running text and of tables, per language.
const (
	frequentHanzi = "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术结六功指思非流每青管夫连远资队跟带花快条院变联权往展该领传近留红治决周保达办运武半候七必城父强步完革深区即求品士转量空甚众技轻程告江语英基派满式李息写呢识极令黄德收脸钱党倒未持取设始版双历越史商千片容研像找友孩站广改议形委早房音火际则首单据导影失拿网香似斯专石若兵弟谁校读志飞观争究包组造落视济喜离虽坏县省州镇乡村街号编码价格数称址话"
	frequentTrad  = "的一是不我有大在人了中到資要以可這個你會好為上來學就交也用能如時文說沒他看那問生提下過請們天所多麼小想得之還電出工對都機自後子而訊站去心只家知國台很信成章何同道地發法無然但嗎當於本現年前真最和新因果定意情點題其事方清科樣些吧三此位理行作經者什謝名日正話開實再城愛與二動比高面又車力或種像應女教分手打已次長太明己路起相主關間呢覺該十外凰友才民系進使她著各少全兩回加將感第性球式把被老公龍程論及別給聽水重體做校裡常東風您灣啦見解等部原月美先管區錢便黨問縣市鄉鎮號編價格稱"
	frequentHang  = "이다의에는가을를한하고은지로사도서인기시대자어들리해정그전부아나일수스보제과와주라여성장원상구비으만게공있것안국동경조신면유세연요학중관당실적위교선우화회방민식산체용무오물양호입내발영금가마건재생역모른간단계반남예소미행문명통개년월건강북주번종업읍길울"
	frequentKana  = "のにはをたがでてとしれさあいるかなこもらりすんき"
	frequentCyr   = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъ"
)

var frequent = func() map[string]map[rune]bool {
	m := map[string]map[rune]bool{}
	for name, list := range map[string]string{"hans": frequentHanzi, "hant": frequentTrad, "hang": frequentHang, "kana": frequentKana} {
		set := map[rune]bool{}
		for _, r := range list {
			set[r] = true
		}
		m[name] = set
	}
	return m
}()

// plausibility is how natural the text is as that encoding's, about 0 to 1;
// below 0 the encoding is out.
func plausibility(text []byte, e csv.Encoding) float64 {
	switch e {
	case csv.ShiftJIS, csv.EUCJP, csv.GB18030, csv.EUCKR, csv.Big5:
		return eastAsian(text, e)
	}
	return singleByte(text, e)
}

// eastAsian scores the characters beyond ASCII by script and frequency.
func eastAsian(text []byte, e csv.Encoding) float64 {
	var n, points, bad, kana, pairs int
	var score float64
	prevWide := false
	for _, r := range string(text) {
		if r < utf8.RuneSelf {
			prevWide = false
			continue
		}
		n++
		switch {
		case r == utf8.RuneError:
			bad++
			continue
		case r >= 0x3041 && r <= 0x30FF:
			kana++
			if e == csv.ShiftJIS || e == csv.EUCJP {
				score++
			} else {
				score += 0.3
			}
		case r >= 0xFF61 && r <= 0xFF9F:
			if e == csv.ShiftJIS {
				score += 0.45
			}
		case r >= 0xAC00 && r <= 0xD7A3:
			if e != csv.EUCKR {
				break
			}
			score += 0.55
			if frequent["hang"][r] {
				score += 0.45
			}
		case r >= 0x4E00 && r <= 0x9FFF:
			score += han(r, e)
		case r >= 0x3000 && r <= 0x303F, r >= 0xFF01 && r <= 0xFF5E:
			points++
			score += 0.8
		case r == '…' || r == '—' || r == '“' || r == '”' || r == '℃' || r == '㈱' || r == '①' || r == '・' || r == '×':
			score += 0.7
		case r >= 0xE000 && r <= 0xF8FF, unicode.Is(unicode.Co, r):
			score--
		default:
			score -= 0.2
		}
		if prevWide {
			pairs++
		}
		prevWide = true
	}
	if n == 0 || bad*50 > n && bad > 0 {
		return -1
	}
	s := score / float64(n)
	// Characters of these scripts come in runs; single accents of a western
	// language read as one wide character swallow their neighbour.
	s *= 0.4 + 0.6*min(1, 1.5*float64(pairs)/float64(n))
	if (e == csv.ShiftJIS || e == csv.EUCJP) && kana == 0 {
		s *= 0.8
	}
	return s - float64(bad)/float64(n)*5
}

func han(r rune, e csv.Encoding) float64 {
	switch e {
	case csv.GB18030:
		if frequent["hans"][r] {
			return 1
		}
		return 0.5
	case csv.Big5:
		if frequent["hant"][r] || frequent["hans"][r] {
			return 1
		}
		return 0.5
	case csv.EUCKR:
		return 0
	}
	if frequent["hans"][r] || frequent["hant"][r] {
		return 0.85
	}
	return 0.5
}

// letters that the languages of an encoding use beyond ASCII; those of half are rarer.
var letters = map[csv.Encoding]struct{ usual, half string }{
	csv.Windows1252: {"éèêàâçîôûëïüöäßñáíóúãõåæøÉÀÖÜÄÅØÆÇÑÁÍÓÊ", "œŒùìòýÿÈÂÔÛÏËÎÙÚÃÕðþÐÞÝšžŠŽ"},
	csv.ISO8859x15:  {"éèêàâçîôûëïüöäßñáíóúãõåæøÉÀÖÜÄÅØÆÇÑÁÍÓÊ", "œŒùìòýÿÈÂÔÛÏËÎÙÚÃÕðþÐÞÝšžŠŽŸ"},
	csv.Windows1250: {"ąćęłńóśźżáčďéěíňřšťúůýžőűöüäßŁŚŻČŠŽÁÉÖÜÄŘ", "ľĺŕôăâîşţđĄĆĘŃŹÓŐŰŽÝĎŤŇÚÍĽ"},
	csv.ISO8859x2:   {"ąćęłńóśźżáčďéěíňřšťúůýžőűöüäßŁŚŻČŠŽÁÉÖÜÄŘ", "ľĺŕôăâîşţđĄĆĘŃŹÓŐŰŽÝĎŤŇÚÍĽ"},
	csv.Windows1253: {"αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ", "ΆΈΉΊΌΎΏϊϋΐΰ"},
	csv.Windows1254: {"çğıöşüÇĞİÖŞÜ", "âîûéÂ"},
	csv.Windows1255: {"אבגדהוזחטיכלמנסעפצקרשתםןץףך", ""},
	csv.Windows1256: {"ابتثجحخدذرزسشصضطظعغفقكلمنهويةىأإآؤئ", "ًٌٍَُِّْپچژگ"},
	csv.Windows1257: {"āčēģīķļņšūžąęėįųõäöüĀČĒĢĪĶĻŅŠŪŽ", "ĄĘĖĮŲÕÄÖÜ"},
}

// singleByte scores the characters beyond ASCII by what stands around them.
func singleByte(text []byte, e csv.Encoding) float64 {
	known := letters[e]
	cyrillic := e == csv.Windows1251 || e == csv.KOI8R
	var n, score float64
	prev, beyond := rune(' '), 0
	bad := 0
	runes := bytes.Runes(text)
	for i, r := range runes {
		if r < utf8.RuneSelf {
			prev = r
			continue
		}
		beyond++
		n++
		next := rune(' ')
		if i+1 < len(runes) {
			next = runes[i+1]
		}
		switch {
		case r == utf8.RuneError:
			bad++
			score -= 3
		case r < 0xA0:
			bad++
			score -= 2
		case unicode.IsLetter(r):
			score += letterScore(prev, r, next, known.usual, known.half, cyrillic)
		default:
			score += symbolScore(prev, r, next)
		}
		prev = r
	}
	if n == 0 {
		return -1
	}
	if float64(bad) > n/10 {
		return -1
	}
	return score / n
}

func letterScore(prev, r, next rune, usual, half string, cyrillic bool) float64 {
	var s float64
	switch {
	case cyrillic:
		switch low := unicode.ToLower(r); {
		case strings.ContainsRune(frequentCyr[:2*16], low):
			s = 1
		case strings.ContainsRune(frequentCyr, low):
			s = 0.6
		case low == 'ё' || low == 'і' || low == 'ї' || low == 'є':
			s = 0.6
		default:
			s = -0.3
		}
	case strings.ContainsRune(usual, r):
		s = 1
	case strings.ContainsRune(half, r):
		s = 0.6
	case r == 'ª' || r == 'º':
		return symbolScore(prev, r, next)
	default:
		s = 0.1
	}
	for _, other := range []rune{prev, next} {
		if !unicode.IsLetter(other) {
			continue
		}
		latin, otherLatin := unicode.Is(unicode.Latin, r), unicode.Is(unicode.Latin, other)
		if latin != otherLatin {
			s -= 0.6
		}
	}
	if prev >= utf8.RuneSelf && unicode.IsLetter(prev) && unicode.Is(unicode.Latin, r) {
		s -= 0.35 // accents seldom meet
	}
	if unicode.IsUpper(r) && unicode.IsLower(prev) {
		s -= 0.7
	}
	if unicode.IsLower(r) && unicode.IsUpper(prev) && unicode.IsUpper(next) {
		s -= 0.5
	}
	// Letters stand in words; what stands alone is rather a sign, such as £.
	if !unicode.IsLetter(prev) && !unicode.IsLetter(next) {
		s -= 0.6
	}
	return s
}

func symbolScore(prev, r, next rune) float64 {
	letter := unicode.IsLetter(prev) && unicode.IsLetter(next)
	digit := unicode.IsDigit(prev) || unicode.IsDigit(next)
	edge := func(c rune) bool { return c == ' ' || c == '\u00a0' || strings.ContainsRune(",;\t|\"'\n\r.:()/", c) }
	switch r {
	case '’', '‘':
		if letter {
			return 0.9
		}
		return 0.6
	case '“', '”', '–', '—', '…', '„', '•', '«', '»', '·', '´', '`':
		if letter && r != '–' && r != '·' {
			return -0.3
		}
		return 0.6
	case '°', 'º', 'ª':
		if letter {
			return -0.6
		}
		return 0.7
	case '€':
		if letter {
			return -1
		}
		return 0.9
	case '£':
		if digit || edge(prev) {
			return 0.7
		}
		return -0.3
	case '\u00a0', '®', '™', '©', '²', '³', '¹', '½', '¼', '¾', '±', 'µ', '§', '×', '¡', '¿', '†', '№':
		if letter {
			return -0.6
		}
		if (r == '½' || r == '¼' || r == '¾') && unicode.IsLetter(prev) {
			return -0.3
		}
		return 0.5
	case '¨', '¸', '¦', '¤', '˛', '˙', '˝', '¬', '\u00ad', '¯', '¢':
		return -0.5
	}
	if letter {
		return -0.8
	}
	return -0.1
}
