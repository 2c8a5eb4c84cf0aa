"""Writes src/core/tokenizer/text/unicode-tables.ts from the observed behaviour of Python tokenizers.

Nothing is taken from a Unicode database: every property is measured by passing each of the
1,112,064 scalar values through the library, because its tables are a mix of Unicode versions.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python test/golden/tokenizer/make_unicode_tables.py src/core/tokenizer/text/unicode-tables.ts
    npx prettier --write src/core/tokenizer/text/unicode-tables.ts
"""
import struct
import sys
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import NFD, NFKD, BertNormalizer, Precompiled, Replace, StripAccents
from tokenizers.pre_tokenizers import BertPreTokenizer

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def bert(clean=False, chinese=False, strip=False, lower=False):
    normalizer = BertNormalizer(
        clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lower
    )
    return normalizer.normalize_str


def added_token_probe(**flags):
    """Ids of a text with the added token "X" (id 1), to see what the flags of that token do."""
    tokenizer = Tokenizer(WordPiece({"[UNK]": 0, "X": 1}, unk_token="[UNK]"))
    tokenizer.add_tokens([AddedToken("X", normalized=False, **flags)])
    return lambda text: tokenizer.encode(text)


clean, chinese, strip, lower, nfd = (
    bert(clean=True), bert(chinese=True), bert(strip=True), bert(lower=True), NFD().normalize_str,
)
pre_tokenize = BertPreTokenizer().pre_tokenize_str
single_word, strip_right = added_token_probe(single_word=True), added_token_probe(rstrip=True)

removed, space, cjk, decomposes, mark, punctuation, word, added_space = ([] for _ in range(8))
lowered = []
for code in CODE_POINTS:
    c = chr(code)
    inside = "a" + c + "b"
    cleaned = clean(inside)
    if cleaned == "ab":
        removed.append(code)
    else:
        assert cleaned in (inside, "a b"), hex(code)
    pieces = [piece for piece, _ in pre_tokenize(inside)]
    if pieces == ["a", "b"]:
        space.append(code)
    elif pieces == ["a", c, "b"]:
        punctuation.append(code)
    else:
        assert pieces == [inside], hex(code)
    # clean_text turns exactly the pre-tokenizer's white space (what it did not remove) into " ".
    assert (cleaned == "a b") == (pieces == ["a", "b"] and cleaned != "ab"), hex(code)
    spaced = chinese(inside)
    if spaced == "a " + c + " b":
        cjk.append(code)
    else:
        assert spaced == inside, hex(code)
    if nfd(c) != c:
        decomposes.append(code)
        # The engine's own NFD is used for these: decompositions never change once assigned.
        assert nfd(c) == unicodedata.normalize("NFD", c), hex(code)
    elif strip(inside) == "ab":
        mark.append(code)
    else:
        assert strip(inside) == inside, hex(code)
    if lower(c) != c:
        lowered.append((code, [ord(x) for x in lower(c)]))
    if single_word("X" + c).ids[:1] != [1]:
        word.append(code)
    if strip_right("X" + c).offsets[0][1] == 2:
        added_space.append(code)

assert added_space == space
marks = set(mark)
for code in decomposes:  # stripping drops exactly the marks of the decomposition
    assert strip(chr(code)) == "".join(x for x in nfd(chr(code)) if ord(x) not in marks), hex(code)

# Canonical combining classes show only in how NFD reorders: c moves behind a mark of class k
# exactly when 0 < k < class(c).
lowest, highest = chr(0x334), chr(0x345)  # classes 1 and 240, the ends of the scale


def behind(c, mark_char):
    return c != mark_char and nfd("a" + c + mark_char) == "a" + mark_char + c


# One character for each class, where the library (with older tables) also gives it a class.
probes = {}
for code in CODE_POINTS:
    c = chr(code)
    if nfd(c) == c and (behind(c, lowest) or behind(highest, c)):
        probes.setdefault(unicodedata.combining(c), c)
assert 0 not in probes
known = sorted(probes)


classes = []
for code in CODE_POINTS:
    c = chr(code)
    if nfd(c) != c:
        continue
    if behind(c, lowest) or behind(highest, c):
        below = [k for k in known if behind(c, probes[k])]
        above = [k for k in known if behind(probes[k], c)]
        left = [k for k in known if k not in below and k not in above]
        assert len(left) == 1, (hex(code), left)
        classes.append((code, left[0]))



def matching(pattern):
    """Code points that a class of the library's regular expressions holds."""
    remove = Replace(Regex(pattern), "").normalize_str
    return [code for code in CODE_POINTS if remove(chr(code)) == ""]


nfkd = NFKD().normalize_str
compatible = [code for code in CODE_POINTS if nfkd(chr(code)) != nfd(chr(code))]
for code in compatible:  # as above: the engine's own is used
    assert nfkd(chr(code)) == unicodedata.normalize("NFKD", chr(code)), hex(code)


def charsmap(key):
    """A precompiled map of SentencePiece with one entry: `key` becomes "b". A double array of 3-byte steps."""
    units = [0] * 0x1000
    position, step = 0, 0x100
    units[0] = step << 10
    position ^= step
    for i, byte in enumerate(key.encode()):
        position ^= byte
        step += 0x100
        is_last = i + 1 == len(key.encode())
        units[position] = step << 10 | (1 << 8 if is_last else 0) | byte
        position ^= step
    units[position] = 1 << 31
    trie = struct.pack(f"<{len(units)}I", *units)
    return Precompiled(struct.pack("<I", len(trie)) + trie + b"b\0").normalize_str


# Grapheme clusters show in how that map is applied: one below 6 bytes is replaced as a whole.
after_a, e_replaced = charsmap("a"), charsmap("e")
extends = [code for code in CODE_POINTS if after_a("a" + chr(code)) == "b"]
prepended = [code for code in CODE_POINTS if code >= 0x80 and e_replaced(chr(code) + "e\u0301").endswith("b\u0301")]
controls = [
    code
    for code in CODE_POINTS
    if 0 < code < 0x10000 and code not in (0x300, 0x301) and charsmap(chr(code))(chr(code) + "\u0301") != "b"
]
# NUL cannot be a key; it is a control like the others.
controls = [0] + controls
combining = [code for code in CODE_POINTS if StripAccents().normalize_str(chr(code)) == ""]
letter, number = matching(r"\p{L}"), matching(r"\p{N}")
assert matching(r"\s") == space

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(n):
    text = ""
    while True:
        n, digit = divmod(n, 36)
        text = DIGITS[digit] + text
        if n == 0:
            return text


def ranges(codes):
    """Sorted code points -> "gap length gap length ..": gap from the end of the range before."""
    out, end, i = [], 0, 0
    while i < len(codes):
        j = i
        while j + 1 < len(codes) and codes[j + 1] == codes[j] + 1:
            j += 1
        out += [base36(codes[i] - end), base36(j - i + 1)]
        end, i = codes[j] + 1, j + 1
    return " ".join(out)


def class_ranges(pairs):
    """(code point, class) -> "gap length class ..". """
    out, end, i = [], 0, 0
    while i < len(pairs):
        j = i
        while j + 1 < len(pairs) and pairs[j + 1] == (pairs[j][0] + 1, pairs[i][1]):
            j += 1
        out += [base36(pairs[i][0] - end), base36(j - i + 1), base36(pairs[i][1])]
        end, i = pairs[j][0] + 1, j + 1
    return " ".join(out)


def lower_runs(pairs):
    """(upper, lower) -> "gap count stride shift ..": count uppers, stride apart, each plus shift."""
    out, end, i = [], 0, 0
    while i < len(pairs):
        start, shift = pairs[i][0], pairs[i][1] - pairs[i][0]
        j, stride = i, 1
        if i + 1 < len(pairs) and pairs[i + 1][1] - pairs[i + 1][0] == shift:
            step = pairs[i + 1][0] - start
            if step <= 2:
                stride = step
                while (
                    j + 1 < len(pairs)
                    and pairs[j + 1][0] == pairs[j][0] + stride
                    and pairs[j + 1][1] - pairs[j + 1][0] == shift
                ):
                    j += 1
        sign = "-" if shift < 0 else ""
        out += [base36(start - end), base36(j - i + 1), base36(stride), sign + base36(abs(shift))]
        end, i = pairs[j][0] + 1, j + 1
    return " ".join(out)


expanding = [(code, to) for code, to in lowered if len(to) > 1]
assert expanding == [(0x130, [0x69, 0x307])], expanding
simple = [(code, to[0]) for code, to in lowered if len(to) == 1]

tables = [
    ("REMOVED", "What clean_text removes: controls, formats, private use, NUL, U+FFFD.", ranges(removed)),
    ("SPACE", "White space: clean_text turns it into U+0020, the pre-tokenizer splits at it.", ranges(space)),
    ("CJK", "What handle_chinese_chars puts between spaces.", ranges(cjk)),
    ("DECOMPOSES", "What NFD changes.", ranges(decomposes)),
    ("COMPATIBLE", "What NFKD changes otherwise than NFD.", ranges(compatible)),
    ("EXTENDS", "What continues a grapheme cluster: extenders, joiners, spacing marks.", ranges(extends)),
    ("PREPENDED", "What a grapheme cluster may begin with, before its base.", ranges(prepended)),
    ("BREAKS", "Controls, which are grapheme clusters alone.", ranges(controls)),
    ("MARK", "Nonspacing marks, which strip_accents drops.", ranges(mark)),
    ("COMBINING", "Combining marks of all kinds, which the normalizer StripAccents drops.", ranges(combining)),
    ("PUNCTUATION", "What the pre-tokenizer isolates.", ranges(punctuation)),
    ("WORD", "Word characters next to which a single_word token does not match.", ranges(word)),
    ("LETTER", "What patterns call \\p{L}.", ranges(letter)),
    ("NUMBER", "What patterns call \\p{N}.", ranges(number)),
    ("CLASSES", "Canonical combining classes above 0: gap, length, class.", class_ranges(classes)),
    (
        "LOWERCASE",
        "Lowercase of one code point: gap, count, stride, shift. U+0130 becomes two, see normalizer.ts.",
        lower_runs(simple),
    ),
]
with open(sys.argv[1], "w", encoding="utf-8") as file:
    file.write(
        f"""/**
 * Unicode properties as Python tokenizers {tokenizers.__version__} has them, as range tables.
 *
 * Measured, not copied: test/golden/tokenizer/make_unicode_tables.py passes every code point through
 * the library, whose tables mix several Unicode versions. An engine's own \\p{{..}} would differ in
 * hundreds of places and change with each release. Do not edit; run the script.
 *
 * Numbers are base 36. Unless said otherwise: "gap length gap length ..", where gap counts the code
 * points between the end of the range before and the start of this one.
 */
"""
    )
    for name, comment, value in tables:
        file.write(f"\n/** {comment} */\nexport const {name} =\n  \"{value}\";\n")
for name, _, value in tables:
    print(name, len(value), "characters")
