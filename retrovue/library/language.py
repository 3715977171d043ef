"""Languages as files and people write them: ISO 639 in two letters or three; pure."""

from __future__ import annotations

#: ISO 639-1 → ISO 639-2 and, where it differs, the older bibliographic code, which many files have.
_CODES = {
    "aa": "aar", "af": "afr", "am": "amh", "ar": "ara", "az": "aze", "be": "bel", "bg": "bul", "bn": "ben",
    "bo": "bod tib", "br": "bre", "bs": "bos", "ca": "cat", "cs": "ces cze", "cy": "cym wel", "da": "dan",
    "de": "deu ger", "el": "ell gre", "en": "eng", "eo": "epo", "es": "spa", "et": "est", "eu": "eus baq",
    "fa": "fas per", "fi": "fin", "fo": "fao", "fr": "fra fre", "fy": "fry", "ga": "gle", "gd": "gla",
    "gl": "glg", "gu": "guj", "he": "heb", "hi": "hin", "hr": "hrv scr", "hu": "hun", "hy": "hye arm",
    "id": "ind", "is": "isl ice", "it": "ita", "ja": "jpn", "ka": "kat geo", "kk": "kaz", "km": "khm",
    "kn": "kan", "ko": "kor", "ku": "kur", "ky": "kir", "la": "lat", "lb": "ltz", "lo": "lao", "lt": "lit",
    "lv": "lav", "mi": "mri mao", "mk": "mkd mac", "ml": "mal", "mn": "mon", "mr": "mar", "ms": "msa may",
    "mt": "mlt", "my": "mya bur", "nb": "nob", "ne": "nep", "nl": "nld dut", "nn": "nno", "no": "nor",
    "oc": "oci", "pa": "pan", "pl": "pol", "ps": "pus", "pt": "por", "qu": "que", "rm": "roh",
    "ro": "ron rum", "ru": "rus", "sa": "san", "se": "sme", "si": "sin", "sk": "slk slo", "sl": "slv",
    "so": "som", "sq": "sqi alb", "sr": "srp scc", "sv": "swe", "sw": "swa", "ta": "tam", "te": "tel",
    "tg": "tgk", "th": "tha", "tk": "tuk", "tl": "tgl", "tr": "tur", "tt": "tat", "uk": "ukr", "ur": "urd",
    "uz": "uzb", "vi": "vie", "wa": "wln", "xh": "xho", "yi": "yid", "yo": "yor", "zh": "zho chi",
    "zu": "zul",
}  # fmt: skip
#: The two-letter codes that are known here.
TWO_LETTERS = frozenset(_CODES)
_TWO_LETTERS = {three: two for two, codes in _CODES.items() for three in codes.split()}


def language_of(code: str) -> str:
    """One spelling for all of a language's codes ("ger", "deu", "de-AT" → "de"); empty when unknown."""
    code = code.strip().lower().replace("_", "-").partition("-")[0]
    if code in ("", "und", "unknown", "zxx", "mul", "mis", "qaa"):
        return ""
    return _TWO_LETTERS.get(code, code)
