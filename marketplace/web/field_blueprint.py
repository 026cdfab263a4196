"""The one blueprint of the cadre's phone pages.

Its pages need things of several ranks (reports, then orders, then preparation sheets), but Flask
gives a name to one blueprint only. So it is made here, at the bottom; a feature attaches its views
with `from marketplace.web.field_blueprint import bp`, and `app.py` imports those modules before it
registers the blueprint.
"""

from flask import Blueprint

bp = Blueprint("field", __name__, url_prefix="/field")
