"""The numbers of the wire by name, out of the core's own lists."""
import enum

from h2box import _core


def _named(prefix):
    return {name.removeprefix(prefix): value for name, value in vars(_core).items() if name.startswith(prefix)}


ErrorCodes = enum.IntEnum("ErrorCodes", _named("CODE_"), module=__name__)
ErrorCodes.__doc__ = "Error codes, RFC 9113 section 7."
SettingCodes = enum.IntEnum("SettingCodes", _named("SETTING_"), module=__name__)
SettingCodes.__doc__ = "Settings, RFC 9113 section 6.5.2 and later ones."
