"""Roles and what each may do. Where a role reaches is said by its grant (scope.py)."""

from collections.abc import Mapping

# what can be done
REPORT_SUBMIT = "reports.submit"
REPORT_VERIFY = "reports.verify"
LOT_VIEW = "lots.view"
LOT_ADJUST = "lots.adjust"
LOT_RECALL = "lots.recall"
PAPER_KEEP = "papers.keep"
HOUSEHOLD_VIEW = "households.view"
HOUSEHOLD_MANAGE = "households.manage"
PERSONAL_REVEAL = "personal.reveal"
ROUND_VIEW = "rounds.view"
ROUND_MANAGE = "rounds.manage"
ALLOCATE = "rounds.allocate"
SHEET_VIEW = "sheets.view"
SHEET_ISSUE = "sheets.issue"
SHEET_ANSWER = "sheets.answer"
WEIGH_IN = "weighins.record"
PROCESS_MANAGE = "processing.manage"
HAND_OVER = "deliveries.hand_over"
ORDER_OWN = "orders.own"
ORDER_CANTEEN = "orders.canteen"
ORDER_APPROVE = "orders.approve"
ORDER_GROUP = "orders.group"
ORDER_MANAGE = "orders.manage"
BOARD_VIEW = "board.view"
TRACE_VIEW = "trace.view"
IMPORT_RUN = "imports.run"
ACCOUNT_MANAGE = "accounts.manage"
SETTING_MANAGE = "settings.manage"
AUDIT_VIEW = "audit.view"
NOTICE_VIEW = "notices.view"
LEDGER_VIEW = "ledger.view"
REFUND_MANAGE = "refunds.manage"
PAYOUT_VIEW = "payouts.view"
ADVANCE_VIEW = "advances.view"
PAYOUT_PROPOSE = "payouts.propose"
PAYOUT_APPROVE = "payouts.approve"
RECEIPT_FILE = "receipts.file"
PAYEE_VIEW = "payees.view"
PAYEE_PROPOSE = "payees.propose"
PAYEE_CONSENT = "payees.consent"
TRANSFER_MANAGE = "transfers.manage"

ROLES: Mapping[str, tuple[str, frozenset[str]]] = {
    # code: (Chinese name, permissions)
    "administrator": ("系统管理员", frozenset({ACCOUNT_MANAGE, SETTING_MANAGE})),
    "operator": (
        "县平台运营",
        frozenset(
            {
                LOT_VIEW,
                LOT_ADJUST,
                LOT_RECALL,
                PAPER_KEEP,
                HOUSEHOLD_VIEW,
                HOUSEHOLD_MANAGE,
                ROUND_VIEW,
                ROUND_MANAGE,
                ALLOCATE,
                SHEET_VIEW,
                SHEET_ISSUE,
                SHEET_ANSWER,
                WEIGH_IN,
                PROCESS_MANAGE,
                HAND_OVER,
                ORDER_MANAGE,
                BOARD_VIEW,
                TRACE_VIEW,
                IMPORT_RUN,
                NOTICE_VIEW,
                PERSONAL_REVEAL,
                PAYOUT_VIEW,
                PAYEE_VIEW,
                PAYEE_PROPOSE,
            }
        ),
    ),
    "reviewer": (
        "乡镇审核",
        frozenset(
            {
                REPORT_SUBMIT,
                REPORT_VERIFY,
                LOT_VIEW,
                LOT_ADJUST,
                PAPER_KEEP,
                HOUSEHOLD_VIEW,
                HOUSEHOLD_MANAGE,
                SHEET_VIEW,
                SHEET_ANSWER,
                WEIGH_IN,
                BOARD_VIEW,
                TRACE_VIEW,
                IMPORT_RUN,
                PERSONAL_REVEAL,
                PAYOUT_VIEW,
                PAYEE_VIEW,
                PAYEE_PROPOSE,
                PAYEE_CONSENT,
            }
        ),
    ),
    "cadre": (
        "帮扶联系人",
        frozenset(
            {
                REPORT_SUBMIT,
                LOT_VIEW,
                LOT_ADJUST,
                PAPER_KEEP,
                HOUSEHOLD_VIEW,
                SHEET_VIEW,
                SHEET_ANSWER,
                TRACE_VIEW,
                PERSONAL_REVEAL,
            }
        ),
    ),
    "cooperative": (
        "合作社/龙头企业",
        frozenset(
            {
                REPORT_SUBMIT,
                LOT_VIEW,
                LOT_ADJUST,
                PAPER_KEEP,
                HOUSEHOLD_VIEW,
                SHEET_VIEW,
                SHEET_ANSWER,
                TRACE_VIEW,
                RECEIPT_FILE,
            }
        ),
    ),
    "clerk": ("集货员、提货员", frozenset({SHEET_VIEW, WEIGH_IN, HAND_OVER, PAPER_KEEP})),
    "buyer": ("食堂采购员", frozenset({ORDER_CANTEEN, ORDER_OWN})),
    "approver": ("单位审批人", frozenset({ORDER_APPROVE, ORDER_OWN})),
    "organiser": ("单位工会组织员", frozenset({ORDER_GROUP, ORDER_OWN})),
    "staff": ("干部职工", frozenset({ORDER_OWN})),
    "auditor": (
        "审计",
        frozenset(
            {
                HOUSEHOLD_VIEW,
                LOT_VIEW,
                ROUND_VIEW,
                SHEET_VIEW,
                BOARD_VIEW,
                TRACE_VIEW,
                AUDIT_VIEW,
                NOTICE_VIEW,
                LEDGER_VIEW,
                PAYOUT_VIEW,
                ADVANCE_VIEW,
            }
        ),
    ),
    "finance": (
        "财务",
        frozenset(
            {
                LEDGER_VIEW,
                REFUND_MANAGE,
                TRANSFER_MANAGE,
                ROUND_VIEW,
                BOARD_VIEW,
                TRACE_VIEW,
                PAYOUT_VIEW,
                ADVANCE_VIEW,
                PAYOUT_PROPOSE,
                PAYOUT_APPROVE,
                PAYEE_VIEW,
                PAYEE_CONSENT,
            }
        ),
    ),
    "leader": (
        "县领导",
        frozenset({BOARD_VIEW, ROUND_VIEW, PAYOUT_VIEW, ADVANCE_VIEW, PAYOUT_APPROVE}),
    ),
}

REGION_ROLES = frozenset({"operator", "reviewer", "clerk", "auditor", "finance", "leader"})
"""Their grant reaches a region with everything below it."""
UNIT_ROLES = frozenset({"cooperative", "buyer", "approver", "organiser", "staff"})
"""Their grant reaches one organisation."""
PERSONAL_ROLES = frozenset({"administrator", "cadre"})
"""They reach accounts, or the households assigned to them."""

SEPARATE_DUTIES = (
    frozenset({"administrator", "operator"}),
    frozenset({"administrator", "auditor"}),
    frozenset({"operator", "auditor"}),
    frozenset({"administrator", "finance"}),
    frozenset({"operator", "finance"}),
    frozenset({"auditor", "finance"}),
)
"""No account holds both roles of a pair."""


def role_name(role: str) -> str:
    return ROLES[role][0]


def roles_with(permission: str) -> frozenset[str]:
    return frozenset(role for role, (_, held) in ROLES.items() if permission in held)
