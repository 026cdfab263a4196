"""The trail in Chinese: what each action is called, and which of them looked at personal data."""

import json
from collections.abc import Mapping

from marketplace.identity.permissions import ROLES, role_name

ACTIONS = {
    "advance_approved": "批准周转金",
    "advance_closed": "结束周转金",
    "advance_proposed": "提出周转金",
    "advance_rejected": "退回周转金",
    "advance_repaid": "归还周转金",
    "payee_approved": "批准收款账户",
    "payee_checked": "初核收款账户",
    "payee_check_asked": "要核验文件",
    "payee_check_released": "放行核验文件",
    "payee_tested": "记户名账号核验",
    "payee_proposed": "提出收款账户",
    "payee_rejected": "退回收款账户",
    "payout_approved": "批准付款批次",
    "payout_bounced": "银行退回货款",
    "payout_held": "暂缓货款",
    "notice_posted": "贴出公示",
    "objection_heard": "记异议",
    "objection_answered": "答复异议",
    "payout_paid": "货款到账",
    "payout_proposed": "提出付款批次",
    "payout_received": "农户签收",
    "payout_rejected": "退回付款批次",
    "payout_released": "解除暂缓",
    "payout_retried": "货款再付一次",
    "payout_sent": "交给银行",
    "account_changed": "修改账号资料",
    "account_created": "新建账号",
    "account_disabled": "停用账号",
    "account_enabled": "恢复账号",
    "activation_issued": "发激活单",
    "allocation_undone": "撤回分配",
    "cadre_assigned": "交接联系人",
    "consent_given": "登记公开同意",
    "consent_withdrawn": "撤回公开同意",
    "deputy_appointed": "托付代理",
    "deputy_revoked": "收回代理",
    "fee_approved": "批准付费用",
    "fee_proposed": "提出付费用",
    "fee_rejected": "退回付费用",
    "group_cancelled": "取消团购登记",
    "group_created": "新建团购登记",
    "group_entry_removed": "删除登记",
    "group_entry_saved": "代同事登记",
    "group_submitted": "团购交单",
    "household_changed": "修改农户资料",
    "household_created": "登记农户",
    "import_done": "导入完成",
    "import_discarded": "丢弃导入文件",
    "import_stored": "上传导入文件",
    "import_taken": "确认导入",
    "listing_changed": "改上架货品",
    "listing_created": "上架",
    "listing_moved": "货品间调货",
    "listing_on_sale": "恢复销售",
    "listing_refilled": "补货",
    "listing_released": "释放占用",
    "listing_removed": "撤下货品",
    "listing_stopped": "停止销售",
    "lot_committed": "批次上架占用",
    "lot_expired": "批次过期",
    "lot_lowered": "批次减量",
    "lot_uncommitted": "批次退回",
    "lots_confirmed": "确认货源",
    "member_added": "加入合作社",
    "member_ended": "退出合作社",
    "notice_sent_again": "重发消息",
    "order_approved": "审批通过订单",
    "order_cancelled": "取消订单",
    "order_changed": "改订单",
    "order_collected": "登记收款",
    "order_collection_undone": "撤销收款登记",
    "order_confirmed": "订单生效",
    "order_expired": "订单过期",
    "order_placed": "下单",
    "order_given_back": "退给买家",
    "deposit_kept": "没来取，押金不退",
    "order_rejected": "驳回订单",
    "order_returned": "退货退款",
    "refund_asked_again": "再去退款",
    "bill_difference_settled": "处理对账差异",
    "credit_returned": "退回多付款",
    "credit_used": "多付款抵订单",
    "order_transfer_undone": "撤销认款",
    "order_transferred": "银行来款认到订单",
    "payer_alias_ended": "停用付款户名",
    "payer_alias_made": "记住付款户名",
    "statement_issued": "出对账单",
    "transfer_not_ours": "来款不是货款",
    "transfer_placed": "处理银行来款",
    "transfer_placing_undone": "撤销来款处理",
    "transfer_reopened": "重新处理来款",
    "transfer_booked": "银行流水账本已记",
    "transfer_repeated": "银行流水重复",
    "organisation_changed": "修改单位",
    "organisation_created": "新建单位",
    "password_changed": "改密码",
    "password_set": "激活设密码",
    "personal_exported": "导出个人信息",
    "personal_revealed": "查看个人信息",
    "photo_added": "上传照片",
    "photo_removed": "删除照片",
    "pin_set": "指定分配数量",
    "place_closed": "停用地点",
    "place_opened": "恢复地点",
    "place_saved": "保存地点",
    "policy_chosen": "选分配办法",
    "product_changed": "修改品种",
    "product_created": "新建品种",
    "refused": "被拒绝的访问",
    "report_corrected": "更正登记",
    "report_drawn": "抽到现场核实",
    "report_returned": "退回登记",
    "report_submitted": "提交登记",
    "report_verified": "核实登记",
    "report_withdrawn": "撤回登记",
    "role_ended": "结束角色",
    "role_granted": "授予角色",
    "round_allocated": "分配",
    "round_cancelled": "取消期次",
    "round_changed": "改期次",
    "round_closed": "截单",
    "round_set_out": "开始配送",
    "round_delivered": "都送到，记应付",
    "round_copied": "复制期次",
    "round_created": "新建期次",
    "round_on_hold": "暂停期次",
    "round_opened": "开放期次",
    "round_opened_early": "提前开放期次",
    "round_postponed": "推迟期次",
    "round_reopened": "重新开放期次",
    "round_resumed": "恢复期次",
    "setting_changed": "改设置",
    "sheet_answered_less": "回音：备不齐",
    "sheet_answered_no": "回音：备不了",
    "sheet_answered_yes": "回音：能备齐",
    "weighed_in": "过磅",
    "weigh_in_set_aside": "过磅作废",
    "sheets_changed": "备货单改版",
    "sheets_issued": "发备货单",
    "sheets_told": "登记已告知",
    "sign_in": "登录",
    "sign_in_throttled": "登录被限制",
    "sign_out": "退出登录",
    "slot_added": "补排集货时间",
    "status_added": "登记户类别",
    "status_ended": "结束户类别",
    "unit_saved": "导入单位",
}
PERSONAL = ("personal_revealed", "personal_exported")
SUBJECTS = {
    "account": "账号",
    "advance": "周转金",
    "collection_point": "集货点",
    "county_setting": "设置",
    "fee_invoice": "费用单据",
    "group": "团购登记",
    "group_entry": "团购登记条目",
    "household": "农户",
    "import_batch": "导入",
    "listing": "货品",
    "login_name": "登录名",
    "login_session": "登录",
    "lot": "批次",
    "notice": "消息",
    "bill": "支付宝账单",
    "payer_alias": "付款户名",
    "statement": "对账单",
    "transfer": "银行流水",
    "order": "订单",
    "organisation": "单位",
    "page": "页面",
    "payee": "收款账户",
    "payee_check": "核验文件",
    "payout_line": "货款",
    "payout_run": "付款批次",
    "pickup_point": "提货点",
    "product": "品种",
    "role_grant": "角色授权",
    "round": "期次",
    "sheet": "备货单",
    "weigh_in": "过磅单",
    "supply_report": "登记",
}
_DETAILS = {
    "applied": "导入行数",
    "base": "数量（克或个）",
    "cadre": "联系人",
    "claimant": "供货的",
    "columns": "改了哪些",
    "consent": "农户同意低价",
    "cut": "减少",
    "days": "天数",
    "deputy": "代理人",
    "expired": "过期订单",
    "faulty": "有错行数",
    "fen": "金额（分）",
    "field": "内容",
    "household": "农户编号",
    "kind": "种类",
    "lines": "笔数",
    "lot": "批次",
    "lots": "批次",
    "households": "农户编号",
    "how": "方式",
    "need": "需要权限",
    "orders": "订单数",
    "packs": "份数",
    "policy": "办法",
    "price": "单价（分）",
    "reason": "理由",
    "region": "区划",
    "role": "角色",
    "round": "期次",
    "rows": "行数",
    "sha256": "照片校验码",
    "sheets": "备货单张数",
    "source": "照着哪期",
    "state": "状态",
    "take": "导入哪些",
    "title": "名称",
    "to": "到",
    "unchanged": "没变行数",
    "what": "内容项",
    "why": "原因",
}
_VALUES = {
    "accounts": "账号", "all": "全部", "call": "电话", "died": "死亡或损坏", "eaten": "自家吃了",
    "farm": "货的质量，农户同意少收", "transport": "运输中坏了", "goodwill": "平台承担", "unfetched": "买家没来取",
    "first_come": "先上架先卖", "good": "没问题的行", "households": "农户", "members": "合作社成员",
    "message": "短信或微信", "bank": "银行流水", "name": "姓名", "paper": "纸质备货单", "pasted": "粘贴的接龙",
    "phone": "电话号码",
    "proportional": "按备货量的比例", "regions": "行政区划", "reports": "滞销登记",
    "sold_elsewhere": "别处卖了", "units": "单位", "urgent_then_fair": "先卖放不住的，再按权重拉平",
    "visit": "上门", "other": "其他",
}  # fmt: skip
"""What codes in details mean; what is not here shows as it was written."""


_PERMISSIONS = {
    "reports.submit": "提交登记",
    "reports.verify": "核实登记",
    "lots.view": "看货源",
    "lots.adjust": "改货源",
    "households.view": "看农户",
    "households.manage": "改农户",
    "personal.reveal": "看完整的姓名电话",
    "rounds.view": "看期次",
    "rounds.manage": "办期次",
    "rounds.allocate": "分配",
    "sheets.view": "看备货单",
    "sheets.issue": "发备货单",
    "sheets.answer": "回备货单",
    "weighins.record": "过磅",
    "orders.own": "自己订货",
    "orders.canteen": "食堂订货",
    "orders.approve": "审批订单",
    "orders.group": "办单位团购",
    "orders.manage": "办订单",
    "board.view": "看看板",
    "trace.view": "查溯源",
    "imports.run": "导入",
    "accounts.manage": "管账号",
    "settings.manage": "改设置",
    "audit.view": "看审计记录",
    "notices.view": "看消息",
    "ledger.view": "看账本",
    "refunds.manage": "管退款",
    "payouts.view": "看货款",
    "payouts.propose": "提出付款",
    "payouts.approve": "批准付款",
    "advances.view": "看周转金和各期收支",
    "receipts.file": "记农户签收",
    "payees.view": "看收款账户",
    "payees.propose": "提出收款账户",
    "payees.consent": "核准收款账户",
    "transfers.manage": "管银行来款",
}
_ACCOUNTS = ("cadre", "deputy")
"""Details that are numbers of accounts."""
People = Mapping[int, str]
"""Names by account number."""


def accounts_in(subject: str, subject_id: str, detail: str) -> set[int]:
    """The accounts that a row names by number, whose names its words want."""
    values = json.loads(detail)
    told = [values.get(key) for key in _ACCOUNTS]
    told += [subject_id] if subject == "account" else []
    return {int(number) for number in told if number and str(number).isdecimal()}


def action_words(action: str) -> str:
    return ACTIONS.get(action, action)


def subject_words(subject: str, subject_id: str, people: People) -> str:
    """What was acted on; which page was refused is said by the permission it wants."""
    if subject == "page":
        return "页面"
    said = f"{SUBJECTS.get(subject, subject)} {subject_id}".strip()
    known = people.get(int(subject_id)) if subject == "account" and subject_id.isdecimal() else ""
    return f"{said} {known}" if known else said


def detail_words(detail: str, people: People) -> str:
    """A row's JSON of plain values as `理由：电话核对；角色：县平台运营`."""
    values: dict[str, object] = json.loads(detail)
    return "；".join(
        f"{_DETAILS.get(key, key)}：{_said(key, value, people)}" for key, value in values.items()
    )


def _said(key: str, value: object, people: People) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    if value is None or value == "":
        return "没有"
    if key == "role" and value in ROLES:
        return role_name(str(value))
    if key == "need":
        return _PERMISSIONS.get(str(value), str(value))
    if key in _ACCOUNTS and isinstance(value, int):
        return people.get(value, f"账号 {value}")
    words = str(value).split(",") if key in {"what", "households"} else [str(value)]
    return "、".join(_VALUES.get(word, word) for word in words)
