"""Expressions that Jinja's own sandbox evaluates too mean the same here."""

import pytest
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from runner.templating import compile_template

SCOPE = {
    "a": 7,
    "f": 2.5,
    "t": "Hello world",
    "l": [3, 1, 2],
    "o": {"x": 1, "y": [{"n": "b", "v": 2}, {"n": "a", "v": 1}]},
    "no": None,
    "yes": True,
}
EXPRESSIONS = """
a + 2 * 3 - 4 // 2 % 3
2 ** 3 ** 2
-a ** 2
-f | abs
not a == 7
not yes and no
a if yes else 3
1 if no else 2 if no else 3
1 < a <= 7
1 < a < 3
'a' in t
'ell' in t and 3 in l
5 not in l
'x' in o
t ~ a ~ 1.5
t[0]
t[1:4]
l[::-1]
l[-1]
o.y[0].n
o['y'][1]['v']
o.y | map(attribute='n') | list
o.y | map(attribute='n') | join(', ')
o.y | sum('v')
o.y | sort(attribute='v') | map(attribute='n') | list
o.y | selectattr('v', 'gt', 1) | list
o.y | rejectattr('n', 'equalto', 'a') | list
o.y | selectattr('n') | list | length
l | select('odd') | list
l | reject('in', [1]) | list
l | map('string') | join('-')
l | sort
l | sort(true)
l | min + l | max
l | sum
l | first
l | last
['b', 'A', 'a'] | unique | list
['b', 'A', 'c'] | sort
t | upper
t | lower | replace('o', '0')
t | replace('o', '0', 1)
t | trim | length
'  x ' | trim
t | title
t | capitalize
t.upper()
t.split(' ')
t.startswith('He')
t.replace('l', 'L')
t.strip('Hd')
'12' | int + 1
'2.5' | float
'x' | int(9)
'ff' | int(0, 16)
2.567 | round(2)
2.567 | round(1, 'floor')
2.1 | round(0, 'ceil')
a / 2
7 // 2
-7 % 3
no is none
a is odd
a is divisibleby 7
a is number and t is string
o is mapping
l is sequence
zz is defined
zz is not defined
zz | default('d')
'' | default('d', true)
'' | default('d')
no | default('d', true)
[1, 'a', 2.0, none, true]
{'a': 1, 'b': [1, 2]}
(1, 2) | length
'a' 'b'
0x1F + 0b11 + 0o17 + 1_000
1e3 + 1.5e-1
range(3) | list
range(1, 9, 3) | list
o | dictsort | first | last
[1, 2, 3, 4] | batch(2) | list
t | reverse
l | reverse | list
not not a
a is in [7]
'abc' < 'abd'
a == 7.0
(a > 5) == true
t is eq('x')
[[1, 2], [3]] | map('first') | list
[[1, 2], [3]] | map('length') | sum
""".strip().splitlines()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_same_value(expression: str) -> None:
    jinja = ImmutableSandboxedEnvironment(undefined=StrictUndefined).compile_expression(
        expression, undefined_to_none=False
    )
    wanted, found = jinja(**SCOPE), compile_template("{{ " + expression + " }}")(SCOPE)
    assert found == (list(wanted) if isinstance(wanted, (tuple, range)) else wanted)
    assert isinstance(found, list) or type(found) is type(wanted)
