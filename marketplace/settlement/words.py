"""What states of money on its way are called, and in which tone."""

RUN_STATES = {
    "proposed": ("等审批", "ripe"),
    "approved": ("批了，等交银行", "sky"),
    "rejected": ("退回了", "plain"),
    "sent": ("银行在付", "sky"),
    "done": ("办完了", "leaf"),
}
LINE_STATES = {
    "proposed": ("等审批", "plain"),
    "approved": ("批了", "sky"),
    "rejected": ("所在批次退回", "plain"),
    "sent": ("银行在付", "sky"),
    "paid": ("已到账", "leaf"),
    "bounced": ("银行退回", "bad"),
    "held": ("暂缓", "warn"),
}
PAYEE_STATES = {
    "proposed": ("等初核", "ripe"),
    "checked": ("等复核", "ripe"),
    "approved": ("可以用", "leaf"),
    "rejected": ("退回了", "plain"),
    "ended": ("停用了", "plain"),
}
ADVANCE_STATES = {
    "proposed": ("等审批", "ripe"),
    "approved": ("可以用", "leaf"),
    "rejected": ("退回了", "plain"),
    "closed": ("结束了", "plain"),
}
RECOVERY_STATES = {
    "waiting": ("等本人签字", "warn"),
    "agreed": ("签了字，下一批扣", "sky"),
    "writing_off": ("等批核销", "ripe"),
    "settled": ("都扣了", "leaf"),
    "written_off": ("核销了", "plain"),
}
