"""QR codes as drawings inside the page: nothing is fetched, and they print sharp."""

import segno
from flask import Flask
from markupsafe import Markup


def qr_svg(text: str, label: str, size: int = 180) -> Markup:
    """An SVG of `size` pixels that says `text` to a camera and `label` to a screen reader."""
    code = segno.make(text, error="m", micro=False)
    modules = code.symbol_size(border=2)[0]
    drawing = code.svg_inline(border=2, scale=1, title=label, svgclass="qr", omitsize=True)
    opening = f'<svg width="{size}" height="{size}" viewBox="0 0 {modules} {modules}" role="img"'
    return Markup(drawing.replace(f'<svg viewBox="0 0 {modules} {modules}"', opening, 1))  # noqa: S704  # segno escapes the title, the text becomes squares


def init_qr(app: Flask) -> None:
    app.jinja_env.globals["qr_svg"] = qr_svg
