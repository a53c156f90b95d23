"""Expressions: what they add up, and where an error points."""

import pytest

from cytobench.errors import CytoBenchError
from cytobench.phenotypes.algebra.expression import Binary, Name, Negative, Number, parse
from cytobench.phenotypes.algebra.expression_terms import check_syntax, read_terms
from cytobench.phenotypes.algebra.expression_tokens import MOST_TOKENS, ExpressionError


def named(name):
    """Knows every name but those of planets."""
    if "planet" in name:
        raise CytoBenchError(f"no cells called {name!r}")
    return name.replace("@1.0", "@1")


def factors(text):
    return {term.name: term.factor for term in read_terms(text, named)}


def test_a_difference_binds_to_the_left():
    a, b, c = (Name(text, at) for text, at in (("A", 0), ("B", 4), ("C", 8)))
    assert parse("A - B - C") == Binary("-", Binary("-", a, b, 2), c, 6)
    assert parse("-2*A") == Binary("*", Negative(Number(2.0, 1), 0), Name("A", 3), 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("emetine@1.0 - emetine@0.3 + taxol@0.3", {"emetine@1": 1, "emetine@0.3": -1, "taxol@0.3": 1}),
        ("2 * (A - B)", {"A": 2, "B": -2}),
        ("0.5*A", {"A": 0.5}),
        ("A*0.5 - (B - C)", {"A": 0.5, "B": -1, "C": 1}),
        ("-A + -(B)", {"A": -1, "B": -1}),
        ("--A", {"A": 1}),
        ("A -B", {"A": 1, "B": -1}),
        ("2 * 3 * A - (1 + 1) * A", {"A": 4}),
        ("1e-2 * A", {"A": 0.01}),
        ("A - A + B", {"B": 1}),
        ("DMSO' - DMSO", {"DMSO'": 1, "DMSO": -1}),
    ],
)
def test_sums(text, expected):
    assert factors(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "name",
    [
        "AZ-A@0.1", "mitomycin C@3", "PD-169316@10", "mevinolin/lovastatin@1.5", "proteasome inhibitor I@0.1", "MG-132",
        "Microtubule stabilizers", "Cholesterol-lowering", "5-fluorouracil", "3,3'-diaminobenzidine@1", "row:12", "H-7",
    ],
)  # fmt: skip
def test_names_of_the_screen_need_no_quotes(name):
    assert factors(f"{name} - DMSO + 2*{name}") == {name: 3, "DMSO": -1}


@pytest.mark.parametrize("quote", ["'", '"'])
def test_quotes_hold_any_name(quote):
    name = "Cdk1/2 inhibitor (NU6102)@1 + x"
    assert factors(f"{quote}{name}{quote} - DMSO") == {name: 1, "DMSO": -1}


@pytest.mark.parametrize(
    ("text", "at", "sentence"),
    [
        ("", 0, "empty"),
        ("   ", 0, "empty"),
        ("A - planet@1 + B", 4, "no cells called 'planet@1'"),
        ("taxol@0.3 emetine@1", 10, "operator .* missing before 'emetine@1'"),
        ("2 taxol", 2, "operator .* missing before 'taxol'"),
        ("caspase inhibitor 1 (ZVAD)", 20, "names with parentheses in quotes"),
        ("(A - B) C", 8, "operator .* missing before 'C'"),
        ("A - (B + C", 4, "never closed"),
        ("A - B) + C", 5, "closes nothing"),
        ("(A - B C@1 D) + E", 11, "missing before 'D'"),
        ("A - ", 3, "the expression ends"),
        ("A - * B", 4, "'\\*' stands"),
        ("+ A", 0, "'\\+' stands"),
        ("A- B", 1, "put a space before '-'"),
        ("A * B", 2, "multiplied by a number only"),
        ("A + 2", 2, "cannot be added"),
        ("3 * 4", 2, "names no cells"),
        ("A - A", 0, "cancel"),
        ("A - 'B", 4, "quote is never closed"),
        ('A - "B', 4, "quote is never closed"),
        ("A - ''", 4, "no name in these quotes"),
        ("1e999 * A", 0, "too large"),
        ("0 * A", 0, "cancel"),
        ("1e300*1e300*taxol@0.3", 5, "beyond 1e\\+06"),
        ("(1e6 + 1e6) * A", 5, "beyond"),
        ("1e9 * (A - B)", 4, "beyond"),
        ("A \N{EN DASH} B", 2, "'\N{EN DASH}' is a dash, write -"),
        ("A \N{MINUS SIGN}B", 2, "is a dash, write -"),
        ("2 \N{MULTIPLICATION SIGN} A", 2, "write \\*"),
        ("A - DMSO\N{RIGHT SINGLE QUOTATION MARK}", 8, "typographic quote, write '"),
        ("\N{LEFT DOUBLE QUOTATION MARK}A", 0, 'typographic quote, write "'),
        ("A / 2", 2, "no division"),
        ("(A)/2", 3, "no division"),
        ("1/3 * A", 1, "no division"),
        ("planet@0.3/2", 0, "no division"),
    ],
)
def test_an_error_points_at_its_character(text, at, sentence):
    with pytest.raises(ExpressionError, match=sentence) as raised:
        read_terms(text, named)
    assert raised.value.at == at
    shown, caret = raised.value.pointer.split("\n")
    assert (shown, caret) == (text, " " * at + "^")
    assert f"character {at + 1}:" in str(raised.value)


def test_syntax_is_checked_before_any_name_is_known():
    check_syntax("2 * (planet - 'moon (new)') + Cdk1/2 inhibitor")
    for wrong in ("A - * B", "A - A", "3", "A * B"):
        with pytest.raises(ExpressionError):
            check_syntax(wrong)


def test_a_line_break_does_not_move_the_caret():
    with pytest.raises(ExpressionError) as raised:
        read_terms("A -\n\tplanet", named)
    assert raised.value.pointer == "A -  planet\n     ^"


def test_deep_nesting_is_refused_and_no_recursion_error():
    with pytest.raises(ExpressionError, match=f"more than {MOST_TOKENS} parts"):
        parse("(" * 5000 + "A" + ")" * 5000)
    deepest = MOST_TOKENS // 2 - 1
    assert factors("(" * deepest + "A" + ")" * deepest) == {"A": 1}
