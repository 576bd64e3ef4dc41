"""The look of the quality report: one sheet, light and dark, for screens and paper."""

STYLE = """
:root{color-scheme:light dark;--ink:#1b2430;--soft:#566273;--line:#d9dfe7;--ground:#f6f8fa;--card:#fff;
--accent:#1f5fa8;--good:#1b6e4b;--mid:#8a5a00;--bad:#b3261e;--good-bg:#e3f3ea;--mid-bg:#fdf0d5;
--bad-bg:#fbe4e2;--none-bg:#eceff3}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#a3afbf;--line:#303a47;--ground:#11161c;
--card:#19202a;--accent:#7db4f2;--good:#7fd6a9;--mid:#f0c069;--bad:#ff9d94;--good-bg:#143526;
--mid-bg:#3a2c0c;--bad-bg:#44191a;--none-bg:#252d38}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",
Roboto,"Helvetica Neue",Arial,sans-serif}
main,header,footer{max-width:76rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.25rem}h1{font-size:1.9rem;margin:0;letter-spacing:-.01em}
h2{font-size:1.2rem;margin:2.25rem 0 .75rem}h3{font-size:1rem;margin:1.25rem 0 .25rem}
p{margin:.25rem 0}.soft{color:var(--soft)}.num{text-align:right;font-variant-numeric:tabular-nums}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.75rem;margin-top:1.5rem;
padding:0;list-style:none}
.tiles li,.card{background:var(--card);border:1px solid var(--line);border-radius:.75rem}
.tiles li{padding:.9rem 1rem}.tiles b{display:block;font-size:1.75rem;line-height:1.2;font-weight:650;
font-variant-numeric:tabular-nums}
.card{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.925rem}
caption{text-align:left;padding:.75rem 1rem 0;color:var(--soft)}
th,td{padding:.5rem .75rem;text-align:left;border-bottom:1px solid var(--line);vertical-align:middle;
white-space:nowrap}
tr:last-child>*{border-bottom:0}thead th{font-weight:600;color:var(--soft);font-size:.8rem}
tbody th{font-weight:600}.num>.chip{min-width:3.6rem;text-align:center}
.chip{display:inline-block;padding:.1rem .5rem;border-radius:1rem;font-weight:600;font-size:.85rem}
.good{color:var(--good);background:var(--good-bg)}.mid{color:var(--mid);background:var(--mid-bg)}
.bad{color:var(--bad);background:var(--bad-bg)}.none{color:var(--soft);background:var(--none-bg)}
details{background:var(--card);border:1px solid var(--line);border-radius:.75rem;margin:.5rem 0}
summary{cursor:pointer;padding:.75rem 1rem;font-weight:600;border-radius:.75rem}
summary:focus-visible,a:focus-visible,.card:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.75rem;margin:0;
padding:0 1rem 1rem}
.charts figure{margin:0}figcaption{font-size:.8rem;color:var(--soft)}
svg{display:block;max-width:100%}svg .line{fill:none;stroke:var(--accent);stroke-width:2;
stroke-linejoin:round;stroke-linecap:round}svg .area{fill:var(--accent);opacity:.12}
svg .dot{fill:var(--accent)}svg .rule{stroke:var(--line);stroke-width:1}
a{color:var(--accent)}footer{padding:2rem 1.25rem;color:var(--soft);font-size:.875rem}
.ok{padding:1rem;margin:0}
@media print{body{background:#fff}.card,details,.tiles li{break-inside:avoid}}
"""
