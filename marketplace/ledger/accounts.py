"""The chart of accounts: what every fen stands for.

A debit is a positive number, a credit a negative one. An account's side is the sign that its balance
normally has; `party` says whose it is, so that each account divides into sub-accounts that can be asked.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    code: str
    name: str
    side: int
    """1: what the county has or is owed; -1: what it owes or holds for somebody."""
    party: str
    """Kinds of things that sub-accounts belong to, parted by |: order, unit, point, lot, round, household,
    advance."""
    means: str


CHART = (
    Account("alipay_clearing", "支付宝待到账", 1, "", "买家在支付宝付了，还在支付宝的钱"),
    Account("bank", "银行存款", 1, "", "银行账户里的钱"),
    Account("collected", "代收款", 1, "unit|point", "单位代收或取货时收下，还没有存进银行的钱"),
    Account(
        "buyer_receivable",
        "应收货款",
        1,
        "unit|order",
        "收了货还没有付的钱：单位挂账，或个人还欠着",
    ),
    Account("buyer_prepayment", "买家预付款", -1, "order", "买家付了、货还没有验收的钱"),
    Account("buyer_deposit", "买家押金", -1, "order", "留货的押金：付清就退，货到了不来取就不退"),
    Account("lot_payable", "应付农户货款", -1, "lot", "货验收了，要付给农户的钱"),
    Account("service_payable", "应付服务费", -1, "round", "分拣、包装的钱，凭单据付"),
    Account("freight_payable", "应付运费", -1, "round", "送货的钱，凭单据付"),
    Account("suspense", "待查款", -1, "", "到了账、还不知道是谁的钱"),
    Account("buyer_credit", "买家多付款", -1, "unit|order", "付多了、可以抵下一笔或退回的钱"),
    Account("payout", "待发货款", -1, "household|unit", "审批了、还没有到农户账上的钱"),
    Account("advance", "周转金", -1, "advance", "先垫给农户、单位付了款再还的钱"),
    Account(
        "cooperative_held",
        "单位代收货款",
        1,
        "unit",
        "打给合作社、企业，农户还没有签收的钱",
    ),
    Account(
        "aftersale_loss",
        "售后损失",
        1,
        "round",
        "送到以后坏了、少了，不怪农户也不怪承运方：货款照付，买家的钱退回，由平台担",
    ),
    Account(
        "carrier_receivable",
        "应向承运方追偿",
        1,
        "round",
        "路上丢了、压坏的：农户货款照付，向承运方追，或从运费里扣",
    ),
    Account(
        "household_recovery",
        "应收回货款",
        1,
        "household|unit",
        "付给农户以后货又退了，本人同意才从下一笔里扣",
    ),
)
ACCOUNTS = {account.code: account for account in CHART}
