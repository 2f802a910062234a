"""Puts the parts of a configuration together.

The actors are those of `assembly.Parts`: a machine with a planted error is explored as it is run. Of the IOP and of
work on storage the model has its own; errors that are planted there are not in it.
"""

from typing import TypeVar, cast

from lparvm.assembly import Parts
from lparvm.stress.statespace import lip, lip_control, lpar_control, resource_manager
from lparvm.stress.statespace.configuration import Configuration
from lparvm.stress.statespace.iop import IopPart
from lparvm.stress.statespace.operator import OperatorPart
from lparvm.stress.statespace.part import Part

T = TypeVar("T")


def parts_of(configuration: Configuration, parts: Parts) -> tuple[Part, ...]:
    """The machine of a configuration, with these actors."""
    control = _with(lpar_control.Control, parts.lpar_control)
    manager = _with(resource_manager.Manager, parts.resource_manager)
    of_lpar = _with(lip_control.Control, parts.lip_control)
    processors = _with(lip.Processors, parts.lip)
    return (
        OperatorPart(configuration),
        lpar_control.ControlPart(configuration, control, parts.advance),
        resource_manager.ManagerPart(configuration, manager),
        *(lip_control.LipControlPart(configuration, lpar, of_lpar) for lpar in configuration.lpars),
        *(lip.LipPart(configuration, name, processors) for name in configuration.lips),
        *(IopPart(configuration, name) for name in configuration.iops),
    )


def _with(model: type[T], actor: type) -> type[T]:
    """The model's class of an actor, on top of the actor that is given: it may be another one than usual."""
    if actor in model.__mro__:
        return model
    return cast("type[T]", type(model.__name__, (model, actor), {}))
