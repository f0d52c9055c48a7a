package schema

import "strings"

// currencyCode is the length of a currency's code.
const currencyCode = 3

// currencies are the codes of ISO 4217: the currencies and metals in use, and
// those that left it since 1999, which old files hold.
var currencies = codeSet(`
	AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
	CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD
	HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD
	MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR
	RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH
	UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XUA
	YER ZAR ZMW ZWG
	ADP AFA ATS AZM BEF BGL BYB BYR CSD CUC CYP DEM ECS EEK ESP FIM FRF GHC GRD GWP HRK IEP ITL LTL LUF LVL MGF MRO MTL
	MXP MZM NLG PTE ROL RUR SDD SIT SKK SLL SRG STD TMM TPE TRL VEB VEF XEU YUM ZMK ZWD ZWL ZWR`)

func codeSet(words string) map[[currencyCode]byte]bool {
	set := make(map[[currencyCode]byte]bool)
	for word := range strings.FieldsSeq(words) {
		set[[currencyCode]byte([]byte(word))] = true
	}
	return set
}

// isCurrencyCode says whether text, of three bytes, is a code of ISO 4217 in any case.
func isCurrencyCode(text []byte) bool {
	code := [currencyCode]byte(text)
	for i, b := range code {
		if 'a' <= b && b <= 'z' {
			code[i] = b - ('a' - 'A')
		}
	}
	return currencies[code]
}
