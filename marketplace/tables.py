"""Every table of the product, for migrations and for the test that compares them."""

from marketplace.catalog import paper_models
from marketplace.core import codes, county_settings, idempotency
from marketplace.core.db import Base
from marketplace.fulfilment import (
    delivery_models,
    original_models,
    processing_models,
    shift_models,
    weighing_models,
)
from marketplace.fulfilment import models as fulfilment
from marketplace.households import models as households
from marketplace.identity import audit
from marketplace.identity import models as identity
from marketplace.imports import models as imports
from marketplace.jobs import models as jobs
from marketplace.ledger import models as ledger
from marketplace.notices import models as notices
from marketplace.orders import (
    allocation_models,
    claim_models,
    hold_models,
    order_models,
    return_models,
    round_models,
    weight_models,
)
from marketplace.payments import bank_models, statement_models
from marketplace.payments import models as payments
from marketplace.regions import models as regions
from marketplace.reporting import check_models
from marketplace.settlement import (
    fee_models,
    notice_models,
    payee_models,
    payout_models,
    recovery_models,
)
from marketplace.trace import models as trace

MODULES = (
    codes, county_settings, idempotency, regions, identity, audit, notices, imports, households, round_models,
    order_models, allocation_models, fulfilment, jobs, ledger, payments,
    payee_models, payout_models, fee_models, notice_models, recovery_models,
    bank_models, statement_models, return_models, trace, weighing_models, shift_models,
    delivery_models, claim_models, hold_models,
    paper_models, original_models, processing_models, weight_models, check_models,
)  # fmt: skip
metadata = Base.metadata
