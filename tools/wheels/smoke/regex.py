"""regex: what it can do beyond the standard library's re."""

import regex

TEXT = "The quick brown fox (née Vixen) jumps over 13 lazy dogs; Straße, ΣΊΣΥΦΟΣ, 東京2020."

print(regex.findall(r"\p{Lu}\p{Ll}+", TEXT))
print(regex.findall(r"\p{Script=Greek}+|\p{Han}+", TEXT))
print(regex.search(r"(?i)strasse", TEXT, flags=regex.FULLCASE).span())
print(regex.findall(r"\w(\w)*", "ab cde"), regex.match(r"(?:(\w)\s?)+", "a b c d").captures(1))
print(regex.match(r"(?P<word>\w+)(?:,(?P<word>\w+))*", "one,two,three").capturesdict())

recursive = regex.compile(r"\((?:[^()]++|(?R))*+\)")
print(recursive.findall("f(a(b)c)(d) ((e)"))
print(regex.findall(r"\d\d", "123456", overlapped=True))
print(regex.sub(r"(?<=\w)(?=\p{Lu})", "_", "camelCaseNameHere"), regex.split(r"(?V1)(?=\p{Lu})", "camelCaseName"))

for pattern in (r"(?:color){e<=1}", r"(?:color){i<=1,d<=1,s<=1,e<=2}", r"(?e)(?:color){e<=2}"):
    found = regex.search(pattern, "the colour of money")
    print(pattern, found.group(), found.fuzzy_counts)
print(regex.search(r"(?b)(?:\bhouse\b){e<=2}", "a mouse in the hous").group())

names = ["apple", "pear", "plum"]
print(regex.findall(r"\b\L<fruit>s?\b", "apples, pears, cherries and a plum", fruit=names))
print(regex.findall(r"(?V1)[[a-z]--[aeiou]]+", "consonants"), regex.findall(r"(?V1)[\w&&\p{Nd}]+", TEXT))
print(regex.fullmatch(r"\d{4}-\d{2}", "2024-0", partial=True).partial, regex.match(r"a\Kb", "ab").group())
print([m.group() for m in regex.finditer(r"\X", "e\u0301a\u0308o")])
print(regex.findall(r"\b\w+\b(?<!fox)", TEXT)[:4], regex.findall(r"(?<=(?:13|over) )\w+", TEXT))
print(regex.sub(r"(?P<a>\w+) (?P<b>\w+)", r"\g<b> \g<a>", "hello world"), regex.subn("[aeiou]", lambda m: m[0].upper(), "regular"))
print(regex.subf(r"(\w+) (\w+)", "{0} => {2} {1}", "foo bar"), regex.match(r"(\w)(\w)", "xy").expandf("{2}{1}"))
print(regex.findall(rb"\xff.", b"a\xffb\xff\x00", flags=regex.DOTALL), regex.escape("a.b[c]", special_only=True))
print(regex.match(r"(?r)(\w)(\w+)", "backwards").groups() if regex.match(r"(?r)(\w)(\w+)", "backwards") else None)
print(regex.search(r"(a+)(?(1)b|c)", "xaab").group(), regex.search(r"(?|(a)|(b))\1", "bb").groups())

scanner = regex.Scanner([(r"\d+", lambda s, t: int(t)), (r"[a-z]+", lambda s, t: t), (r"\s+", None)])
print(scanner.scan("one 2 three 44 !"))
for bad in ("(", "[a", r"(?P<n>a)(?P<n", r"\p{Nonsense}", "a{2,1}"):
    try:
        regex.compile(bad)
        print(bad, "compiles")
    except regex.error as error:
        print(bad, "->", error.msg, error.pos)
try:
    regex.match(r"(a+)+$", "a" * 40 + "b", timeout=0.2)
    print("fast enough")
except TimeoutError:
    print("took too long")

words = regex.compile(r"\b(?P<first>\w)(?P<rest>\w*)\b")
found = words.search(TEXT, pos=4)
print(found.span("rest"), found.lastgroup, found.lastindex, found.starts("rest"), found[0], words.groupindex)
print(repr(words)[:60], words == regex.compile(words.pattern), len(words.findall(TEXT * 200)))
