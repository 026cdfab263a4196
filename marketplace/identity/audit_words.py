"""The trail in Chinese: what each action is called, and which of them looked at personal data."""

import json

ACTIONS = {
    "account_changed": "修改账号资料",
    "account_created": "新建账号",
    "account_disabled": "停用账号",
    "account_enabled": "恢复账号",
    "activation_issued": "发激活单",
    "allocation_undone": "撤回分配",
    "deputy_appointed": "托付代理",
    "deputy_revoked": "收回代理",
    "export_made": "导出表格",
    "group_cancelled": "取消团购登记",
    "group_created": "新建团购登记",
    "group_entry_removed": "删除登记",
    "group_entry_saved": "代同事登记",
    "group_submitted": "团购交单",
    "import_applied": "导入数据",
    "listing_created": "上架",
    "listing_refilled": "补货",
    "lot_committed": "批次上架占用",
    "lot_expired": "批次过期",
    "lot_lowered": "批次减量",
    "lot_uncommitted": "批次退回",
    "notice_sent_again": "再发消息",
    "order_approved": "审批通过订单",
    "order_cancelled": "取消订单",
    "order_changed": "改订单",
    "order_placed": "下单",
    "organisation_changed": "修改单位",
    "organisation_created": "新建单位",
    "password_changed": "改密码",
    "password_set": "激活设密码",
    "personal_exported": "导出个人信息",
    "personal_revealed": "查看个人信息",
    "pin_set": "指定分配数量",
    "policy_chosen": "选分配办法",
    "refused": "被拒绝的访问",
    "report_corrected": "更正登记",
    "report_returned": "退回登记",
    "report_submitted": "提交登记",
    "report_verified": "核实登记",
    "report_withdrawn": "撤回登记",
    "role_ended": "结束角色",
    "role_granted": "授予角色",
    "round_allocated": "分配",
    "round_changed": "改期次",
    "round_closed": "截单",
    "round_created": "新建期次",
    "round_opened": "开放期次",
    "setting_changed": "改设置",
    "sheet_answered_less": "记回音:备不齐",
    "sheet_answered_no": "记回音:备不了",
    "sheet_answered_yes": "记回音:能备齐",
    "sheets_changed": "备货单换版",
    "sheets_issued": "发备货单",
    "sheets_told": "记通知到户",
    "sign_in": "登录",
    "sign_in_throttled": "登录被限制",
    "sign_out": "退出登录",
    "slot_added": "补排集货时间",
}
PERSONAL = ("personal_revealed", "personal_exported")
SUBJECTS = {
    "account": "账号",
    "county_setting": "设置",
    "group": "团购登记",
    "group_entry": "团购登记条目",
    "household": "农户",
    "listing": "货品",
    "login_name": "登录名",
    "login_session": "登录",
    "lot": "批次",
    "notice": "消息",
    "order": "订单",
    "organisation": "单位",
    "page": "页面",
    "role_grant": "角色授权",
    "round": "期次",
    "sheet": "备货单",
    "supply_report": "登记",
}
_DETAILS = {
    "base": "数量",
    "cut": "减少",
    "deputy": "代理人账号",
    "expired": "过期订单",
    "field": "内容",
    "lot": "批次",
    "households": "农户编号",
    "how": "方式",
    "need": "需要权限",
    "orders": "订单数",
    "packs": "份数",
    "policy": "办法",
    "reason": "理由",
    "region": "区划",
    "role": "角色",
    "round": "期次",
    "sheets": "备货单",
    "what": "内容项",
}


def action_words(action: str) -> str:
    return ACTIONS.get(action, action)


def subject_words(subject: str, subject_id: str) -> str:
    return f"{SUBJECTS.get(subject, subject)} {subject_id}".strip()


def detail_words(detail: str) -> str:
    """A row's JSON of plain values as `理由：电话核对；角色：operator`."""
    values: dict[str, object] = json.loads(detail)
    return "；".join(f"{_DETAILS.get(key, key)}：{value}" for key, value in values.items())
