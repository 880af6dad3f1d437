"""``[controller]`` and ``[recipients.<id>]``: who answers for the data, and who is given some."""

from typing import Literal

from pydantic import Field

from knowingly.policy.section import Country, Jurisdiction, Line, Section

Role = Literal["processor", "joint_controller", "controller"]


class Controller(Section):
    """Who decides what the data is used for, and answers for it; on certificates and exports."""

    name: str = Field("This shop", max_length=200)
    """The legal name."""
    contact: str = Field("", max_length=200)
    """Where people can write to about their data."""
    address: str = Field("", max_length=500)
    """The postal address."""
    representative: str = Field("", max_length=500)
    """The representative in the Union, name and contact, where there is one (GDPR art. 27)."""
    dpo: str = Field("", max_length=200)
    """The contact of the data protection officer, where there is one."""
    jurisdiction: Jurisdiction | None = None
    """Where the controller is established, such as `"DE"` or `"US-CA"`."""


class Recipient(Section):
    """Somebody who is given data of people, named by the purposes they are given it for."""

    name: Line
    """The legal name."""
    role: Role
    """`"processor"` works for the shop; `"controller"` decides for itself what it does with it."""
    country: Country
    """Where the data goes."""

    @property
    def described(self) -> str:
        """Who this is, in one line: with another name, role or country it is somebody else."""
        return f"{self.name} ({self.role.replace('_', ' ')}, {self.country})"
