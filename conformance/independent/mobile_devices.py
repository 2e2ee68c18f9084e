"""The devices that are registered at an authorization server (profile sections 4.1 and 4.5)."""
from __future__ import annotations

from dataclasses import dataclass, field

from forms import Refusal


@dataclass(eq=False)
class Device:
    """One registration of a device, from its first request to the acknowledged wipe. Tokens belong to a registration."""

    deviceid: str
    jkt: str  # thumbprint of the device key
    username: str
    notification_uri: str
    ended: bool = False
    acknowledged: bool = False
    wipe_jti: str = ""
    wipe_message: str = ""
    wipe_tries: object = None
    address_tries: dict = field(default_factory=dict)

    @property
    def wipe(self) -> str:
        return "acknowledged" if self.acknowledged else "pending"

    @property
    def wipe_open(self) -> bool:
        return self.ended and not self.acknowledged


class Register:
    """The latest registration of each deviceid. Whoever calls holds the server's lock."""

    def __init__(self, hold):
        self._devices, self._hold = {}, hold

    def get(self, deviceid: str):
        """The registration, or None."""
        return self._devices.get(deviceid)

    def live(self) -> list:
        return [device for device in self._devices.values() if not device.ended]

    def enter(self, device: Device) -> None:
        """Registers a device, or brings the registration under the same key up to date."""
        old = self._devices.get(device.deviceid)
        if old and old.wipe_open and self._hold("MO-AS-54"):
            raise Refusal(409, "wipe_pending", "The wipe of this device is not acknowledged yet.")
        if old is None or old.ended:
            if old and old.wipe_tries:
                old.wipe_tries.over = True
            self._devices[device.deviceid] = device
            return
        if old.jkt != device.jkt and self._hold("MO-AS-31"):
            raise Refusal(409, "device_registered", "The device is registered under another key.")
        old.jkt, old.username, old.notification_uri = device.jkt, device.username, device.notification_uri
