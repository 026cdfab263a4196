"""The public shop: home, list of goods, one product, and the basket. Everybody may come in."""

from urllib.parse import urlencode, urlsplit

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from werkzeug import Response

from marketplace.core.db import db
from marketplace.core.errors import MarketplaceError
from marketplace.identity.access import find_actor, public
from marketplace.identity.home import home_endpoint
from marketplace.identity.permissions import ORDER_OWN
from marketplace.orders import basket as baskets
from marketplace.orders import shop_queries as queries
from marketplace.orders.my_order_words import arriving
from marketplace.orders.shop_cards import cards
from marketplace.orders.shop_queries import PRICES, SORTS, Wish
from marketplace.web.addresses import division_code, row_number
from marketplace.web.errors import wants_json
from marketplace.web.navigation import BADGES
from marketplace.web.paging import paginate

bp = Blueprint("shop", __name__, url_prefix="/shop")
BADGES["shop.basket"] = baskets.badge
PAGE_SIZE = 24
URGENT_ON_HOME = 9


@bp.context_processor
def _words() -> dict[str, object]:
    actor = find_actor()
    return {
        "works_elsewhere": actor is not None and home_endpoint(actor) != "shop.index",
    }


@bp.get("/")
@public
def index() -> str:
    rounds = queries.shop_rounds(db.session)
    actor = find_actor()
    mine = actor.scope_for(ORDER_OWN) if actor and actor.may(ORDER_OWN) else None
    fetch = arriving(db.session, mine) if mine else {}
    if not rounds:
        return render_template(
            "shop/closed.html",
            fetch=fetch,
            next_round=queries.next_round(db.session),
            last_round=queries.last_round(db.session),
        )
    page = paginate(db.session, queries.goods(rounds, Wish()), PAGE_SIZE)
    urgent = [item for item in page.items if queries.urgent_words(item) and item.left_packs]
    urgent = urgent[:URGENT_ON_HOME]
    return render_template(
        "shop/index.html",
        fetch=fetch,
        rounds=rounds,
        reach=queries.reach(db.session, rounds[0]),
        first_kinds=page.total if len(rounds) == 1 else queries.kinds(db.session, rounds[0]),
        page=page,
        urgent=cards(urgent, rounds),
        others=cards([item for item in page.items if item not in urgent], rounds),
    )


def _wish() -> Wish:
    """What the address asks for; unknown words ask for nothing."""
    given = request.args
    return Wish(
        query=given.get("q", "").strip()[:60],
        category=given.get("category", "")[:20],
        town=division_code(given.get("town", "")),
        price=given.get("price", "") if given.get("price") in PRICES else "",
        urgent=given.get("urgent") == "1",
        sort=given.get("sort", "") if given.get("sort") in SORTS else "urgent",
    )


@bp.get("/goods")
@public
def goods() -> str:
    wish = _wish()
    rounds = queries.shop_rounds(db.session)
    kinds = queries.categories(db.session, rounds)
    page = paginate(db.session, queries.goods(rounds, wish), PAGE_SIZE)
    return render_template(
        "shop/goods.html",
        rounds=rounds,
        wish=wish,
        page=page,
        cards=cards(page.items, rounds),
        chips=_chips(wish, kinds),
        towns=queries.towns(db.session),
        prices=PRICES,
        sorts=SORTS,
        narrowed=wish != Wish(sort=wish.sort),
    )


def _chips(wish: Wish, kinds: list[str]) -> list[dict[str, object]]:
    """Links that change one filter and keep the others."""
    kept = {key: value for key, value in request.args.items() if key != "page"}

    def chip(label: str, active: bool, **change: str) -> dict[str, object]:
        values = {key: value for key, value in (kept | change).items() if value}
        return {
            "label": label,
            "active": active,
            "href": url_for("shop.goods") + (f"?{urlencode(values)}" if values else ""),
        }

    return [
        chip("全部", not wish.category and not wish.urgent, category="", urgent=""),
        chip("急需售出", wish.urgent, urgent="" if wish.urgent else "1"),
        *(
            chip(kind, wish.category == kind, category="" if wish.category == kind else kind)
            for kind in kinds
        ),
    ]


@bp.get("/goods/<int(max=9223372036854775807):listing_id>")
@public
def product(listing_id: int) -> str:
    return _product_page(listing_id)


def _product_page(listing_id: int, typed: str = "1", refused: str = "") -> str:
    listing = queries.get_goods(db.session, listing_id)
    return render_template(
        "shop/product.html",
        listing=listing,
        trouble=queries.why_not(listing),
        urgent=queries.urgent_words(listing) if listing.left_packs else "",
        origins=queries.origins(db.session, listing.id),
        pickups=queries.pickups(db.session, listing.round_id),
        other_rounds=[r for r in queries.shop_rounds(db.session) if r.id != listing.round_id],
        typed=typed,
        refused=refused,
    )


@bp.post("/basket/add/<int(max=9223372036854775807):listing_id>")
@public
def add(listing_id: int) -> str | Response | tuple[str, int]:
    """Put packs into the basket and stay: a script reads the answer, a plain form comes back."""
    typed = request.form.get("packs", "1")
    listing = queries.get_goods(db.session, listing_id)
    try:
        said = baskets.put(listing, baskets.parse_packs(typed))
    except MarketplaceError as error:
        if wants_json():
            raise
        return _product_page(listing_id, typed, error.message), error.http_status
    if wants_json():
        return jsonify(said=said, badge=baskets.badge(), packs=baskets.read()[listing.id])
    flash(said, "success")
    return redirect(_where_from(), 303)


def _where_from() -> str:
    """The page of ours the form stood on, else the basket."""
    came = urlsplit(request.referrer or "")
    ours = came.netloc == request.host and came.path.startswith(url_for("shop.index"))
    return came._replace(scheme="", netloc="").geturl() if ours else url_for("shop.basket")


@bp.get("/basket")
@public
def basket() -> str:
    return _basket_page({})


@bp.post("/basket")
@public
def change_basket() -> str | Response | tuple[str, int]:
    """New quantities; 0 takes a line out. What cannot be read is shown again beside its reason."""
    held = baskets.read()
    typed = {i: text for i, text in baskets.typed_packs(request.form).items() if i in held}
    packs, wrong = baskets.read_packs(typed)
    refused = {i: (typed[i], words) for i, words in wrong.items()}
    baskets.write({i: count for i, count in (held | packs).items() if count})
    _fit(row_number(request.form.get("fit", "")))
    baskets.drop([row_number(request.form.get("drop", ""))])
    if refused:
        return _basket_page(refused), 422
    return redirect(url_for("shop.basket"), 303)


def _fit(listing_id: int) -> None:
    """One tap: a line that asks too much takes what is left."""
    held = baskets.read()
    if listing_id in held:
        left = queries.get_goods(db.session, listing_id).left_packs
        baskets.write(held | {listing_id: min(held[listing_id], left)} if left else held)


def _basket_page(refused: dict[int, tuple[str, str]]) -> str:
    actor = find_actor()
    return render_template(
        "shop/basket.html",
        groups=baskets.groups(db.session, baskets.read()),
        refused=refused,
        may_order=actor is None or actor.may(ORDER_OWN),
    )
