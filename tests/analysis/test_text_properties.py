"""Properties of each character, against values by hand."""

from __future__ import annotations

import pytest

from seqlstm.analysis.text_properties import PROPERTIES

# A text, and the value at each of its characters, one digit each.
EXAMPLES = {
    "double-quotes": [
        ('He said "no" to "him".', "0000000011100000111100"),
        ("“Yes” and «oui»", "111100000011110"),
        ('Say "so\n\nand "he', "0000111000000111"),
        ('a "b\r\n\r\nc', "001110000"),
        ('""', "10"),
        ("", ""),
    ],
    "single-quotes": [
        ("I don't say 'it's so' now", "0000000000001111111100000"),
        ("the dogs' bones, 'tis", "000000000000000000000"),
        ("x = ['a', 'bc']", "000001100011100"),
        ("‘Well,’ he said", "111111000000000"),
        ("'one\n\ntwo'", "0000000000"),
    ],
    "brackets": [
        ("f(a[1], {b}) x", "01122111221000"),
        ("1) a (b]c) d", "000001111000"),
        ("(a\n\nb)", "110000"),
        ("((\n))", "12210"),
    ],
    "line": [("ab\n\ncde", "1200123"), ("\nx\n", "010")],
    "word": [("ab, c_1 é", "120012301"), ("don't", "12301")],
    "indent": [("a\n  if x:\n\tb\n   ", "0012222220110123")],
    "comment": [
        ("x # no\ny", "00111100"),
        ("a // b\nhttp://c #d", "001111000000000011"),
        ("a#b /* c\n */ d", "00001111111000"),
        ("/* never ended", "1" * 14),
    ],
}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [(name, *example) for name, examples in EXAMPLES.items() for example in examples],
)
def test_each_character_has_its_value(name: str, text: str, expected: str) -> None:
    values = PROPERTIES[name].values(text)
    assert "".join(f"{value:.0f}" for value in values) == expected


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_property_has_examples_and_a_value_for_each_character(name: str) -> None:
    assert EXAMPLES[name]
    text = "😀 (\x00'\"\n\n\t#\r\n ’}”» \u2028x"
    assert len(PROPERTIES[name].values(text)) == len(text)
