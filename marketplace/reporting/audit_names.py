"""Under which names the audit trail's reader knows what the trail names by number."""

from sqlalchemy import String, cast, literal

from marketplace.catalog.models import Lot, Product, SupplyReport
from marketplace.fulfilment.models import PreparationSheet
from marketplace.households.models import Household
from marketplace.identity.audit_names import named
from marketplace.orders.order_models import Order
from marketplace.orders.round_models import CollectionPoint, Listing, PickupPoint, Round

for _subject, _key, _name in (
    ("lot", Lot.id, Lot.code),
    ("supply_report", SupplyReport.id, SupplyReport.receipt_no),
    ("product", Product.id, Product.name),
    ("household", Household.id, Household.household_no),
    ("round", Round.id, literal("第 ") + cast(Round.number, String(12)) + literal(" 期")),
    ("listing", Listing.id, Listing.title + literal("（") + Listing.pack_name + literal("）")),
    ("pickup_point", PickupPoint.id, PickupPoint.name),
    ("collection_point", CollectionPoint.id, CollectionPoint.name),
    ("order", Order.id, Order.number),
    ("sheet", PreparationSheet.id, PreparationSheet.code),
):
    named(_subject, _key, _name)
