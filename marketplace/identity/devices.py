"""What a browser calls itself, in words that a person recognises the own device by."""

_PROGRAMS = (
    ("MicroMessenger", "微信"),
    ("DingTalk", "钉钉"),
    ("Edg", "Edge 浏览器"),
    ("Firefox", "火狐浏览器"),
    ("Chrome", "Chrome 浏览器"),
    ("Safari", "Safari 浏览器"),
)
_MACHINES = (
    ("HarmonyOS", "鸿蒙手机"),
    ("Android", "安卓手机"),
    ("iPhone", "苹果手机"),
    ("iPad", "苹果平板"),
    ("Windows", "Windows 电脑"),
    ("Macintosh", "苹果电脑"),
    ("Linux", "Linux 电脑"),
)


def device_words(user_agent: str) -> str:
    """`Mozilla/5.0 (Windows NT 10.0 …) … Chrome/140` → `Windows 电脑，Chrome 浏览器`."""
    found = [
        next((name for mark, name in names if mark in user_agent), "")
        for names in (_MACHINES, _PROGRAMS)
    ]
    return "，".join(filter(None, found)) or user_agent[:40] or "不知道的设备"
