"""Whether a page is fit for a phone: text and targets large enough, nothing too wide, no fault of access."""

from pathlib import Path

from tests.support.browser import PHONE, Visitor

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
SMALLEST = 320  # pixels

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
    for width in (PHONE, SMALLEST):
        page.set_viewport_size({"width": width, "height": 844})
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        found += [f"{wide} px wide at {width}"] if wide > width else []
    page.set_viewport_size({"width": PHONE, "height": 844})
    page.evaluate(AXE.read_text())
    broken = page.evaluate(
        "async () => (await axe.run({ resultTypes: ['violations'] })).violations"
    )
    found += [
        f"{rule['id']}: {rule['nodes'][0]['html'][:120]}"
        for rule in broken
        if rule["impact"] in {"serious", "critical"}
    ]
    return found
