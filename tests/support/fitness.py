"""Whether a page is fit for a phone: text and targets large enough, nothing too wide, no fault of access."""

from pathlib import Path

from tests.support.browser import PHONE, Visitor

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
SMALLEST = 320  # pixels

LESSER = [
    "heading-order", "landmark-banner-is-top-level", "landmark-complementary-is-top-level",
    "landmark-contentinfo-is-top-level", "landmark-main-is-top-level", "landmark-no-duplicate-banner",
    "landmark-no-duplicate-contentinfo", "landmark-no-duplicate-main", "landmark-one-main",
    "landmark-unique", "page-has-heading-one", "region", "scope-attr-valid", "skip-link",
    "aria-allowed-role", "empty-heading", "empty-table-header", "image-redundant-alt",
    "presentation-role-conflict",
]  # fmt: skip
"""Rules of axe whose impact is moderate or minor: they take a third of its time, and are not asked about."""
RUN = """async (lesser) => (await axe.run({
  resultTypes: ["violations"],
  rules: Object.fromEntries(lesser.map((rule) => [rule, { enabled: false }])),
})).violations"""

CHECKS = """() => {
  const shown = (el) => el.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })
    && !el.closest(".visually-hidden, .skip-link, [aria-hidden=true]");
  const said = (el) => `${el.tagName} ${el.className} ${(el.name || el.textContent).trim().slice(0, 24)}`;
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const el = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !shown(el)) continue;
    const size = parseFloat(getComputedStyle(el).fontSize);
    if (size < 16) found.push(`${size} px text: ${said(el)}`);
  }
  for (const el of document.querySelectorAll("button, .btn, input, select, textarea, summary")) {
    if (!shown(el) || el.type === "hidden") continue;
    const target = ["checkbox", "radio", "file"].includes(el.type) ? el.closest("label, .photo-drop") || el : el;
    const height = target.getBoundingClientRect().height;
    if (height < 43.5) found.push(`${Math.round(height)} px high: ${said(el)}`);
  }
  return found;
}"""


def unfit(visitor: Visitor, status: int) -> list[str]:
    """What keeps the page before a visitor from being read and used on a phone; leaves it at PHONE."""
    page = visitor.page
    found = [f"answers {status}"] if status >= 400 else []
    found += page.evaluate(CHECKS)
    for width in (SMALLEST, PHONE):
        page.set_viewport_size({"width": width, "height": 844})
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        found += [f"{wide} px wide at {width}"] if wide > width else []
    if not visitor.measured:
        visitor.measured = True
        page.add_init_script(path=AXE)  # much quicker than with each page, but for the first
        page.evaluate(AXE.read_text())
    broken = page.evaluate(RUN, LESSER)
    found += [
        f"{rule['id']}: {rule['nodes'][0]['html'][:120]}"
        for rule in broken
        if rule["impact"] in {"serious", "critical"}
    ]
    return found
