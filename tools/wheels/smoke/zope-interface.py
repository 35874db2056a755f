"""zope.interface: interfaces, what implements and provides them, adapters, and their verification."""

import pickle
import weakref

from zope.interface import (
    Attribute,
    Interface,
    alsoProvides,
    classImplements,
    classImplementsOnly,
    directlyProvidedBy,
    directlyProvides,
    implementedBy,
    implementer,
    invariant,
    noLongerProvides,
    providedBy,
    taggedValue,
)
from zope.interface import _zope_interface_coptimizations as fast
from zope.interface import interface, ro
from zope.interface.adapter import AdapterRegistry, VerifyingAdapterRegistry
from zope.interface.exceptions import Invalid
from zope.interface.registry import Components
from zope.interface.verify import verifyClass, verifyObject


class IShape(Interface):
    """Something with an area."""

    name = Attribute("what it is called")
    taggedValue("unit", "cm")

    def area(scale, /, *, digits=2):
        """How large it is."""

    @invariant
    def has_a_name(shape):
        if not shape.name:
            raise Invalid("no name")


class ISolid(IShape):
    def volume():
        """How much it holds."""


class IPrinted(Interface):
    pass


@implementer(ISolid)
class Cube:
    def __init__(self, side, name="cube"):
        self.side, self.name = side, name

    def area(self, scale, /, *, digits=2):
        return round(6 * self.side**2 * scale, digits)

    def volume(self):
        return self.side**3


class Dice(Cube):
    pass


cube, dice = Cube(2), Dice(1, "dice")
print(IShape, ISolid.__bases__, ISolid.__iro__, list(ISolid), IShape["area"].getSignatureString(), ISolid.getTaggedValue("unit"), ISolid.__doc__, IShape.__doc__)
print(IShape.providedBy(cube), IShape.implementedBy(Dice), IPrinted.providedBy(cube), implementedBy(Dice), list(providedBy(dice)), ISolid.extends(IShape), IShape.isOrExtends(ISolid), IShape in providedBy(cube))
print([type(it).__name__ for it in (implementedBy(Cube), providedBy(cube), IShape, Interface)], interface.SpecificationBase is fast.SpecificationBase, issubclass(type(IShape), fast.InterfaceBase), providedBy is fast.providedBy)
directlyProvides(dice, IPrinted)
print(IPrinted.providedBy(dice), list(directlyProvidedBy(dice)), [it.__name__ for it in providedBy(dice)], len(providedBy(dice).__sro__))
noLongerProvides(dice, IPrinted)
alsoProvides(Dice, IPrinted)
print(IPrinted.providedBy(dice), IPrinted.providedBy(Dice), implementedBy(Dice).__iro__, [it.__name__ for it in ro.ro(ISolid)])
classImplements(Dice, IPrinted)
print(IPrinted.providedBy(dice), implementedBy(int), implementedBy(len.__class__), list(providedBy(5)))
print(verifyObject(ISolid, cube), verifyClass(ISolid, Dice), ISolid.validateInvariants(cube), sorted([IShape, ISolid, IPrinted]) == [IPrinted, IShape, ISolid], IShape < ISolid, IShape == ISolid, hash(IShape) == hash(IShape), pickle.loads(pickle.dumps(IShape)) is IShape, weakref.ref(IShape)() is IShape)

registry = AdapterRegistry()
registry.register([IShape], IPrinted, "", lambda shape: f"<{shape.name}>")
registry.register([ISolid], IPrinted, "long", lambda shape: f"<{shape.name} of {shape.volume()}>")
registry.register([IShape, IShape], IPrinted, "", lambda a, b: f"<{a.name} and {b.name}>")
registry.register([None], IPrinted, "any", lambda it: f"<any {type(it).__name__}>")
registry.subscribe([IShape], IPrinted, lambda it: f"saw {it.name}")
registry.subscribe([ISolid], IPrinted, lambda it: f"saw solid {it.name}")
print(registry.queryAdapter(cube, IPrinted), registry.queryAdapter(dice, IPrinted, "long"), registry.adapter_hook(IPrinted, 5, "any"), registry.queryAdapter(5, IPrinted, default="none"), registry.queryMultiAdapter((cube, dice), IPrinted))
print([name for name, _ in registry.lookupAll([providedBy(cube)], IPrinted)], registry.subscribers([cube], IPrinted), registry.lookup1(ISolid, IPrinted) is registry.lookup([IShape], IPrinted), registry.names([ISolid], IPrinted))
registry.unregister([IShape], IPrinted, "")
print(registry.queryAdapter(cube, IPrinted), VerifyingAdapterRegistry((registry,)).queryAdapter(cube, IPrinted, "long"), isinstance(registry._v_lookup, fast.LookupBase))
interface.adapter_hooks.append(lambda wanted, it: registry.queryAdapter(it, wanted, "any"))
print(IPrinted(cube), IShape(cube) is cube, IShape(5, "else"))
interface.adapter_hooks.pop()


class Conforming:
    def __conform__(self, wanted):
        return f"conforms to {wanted.__name__}" if wanted is IPrinted else None


components = Components("parts")
components.registerUtility(cube, ISolid, "main")
components.registerAdapter(lambda it: f"adapted {it.name}", (IShape,), IPrinted)
components.registerHandler(lambda it: print("handled", it.name), (IShape,))
components.handle(dice)
print(IPrinted(Conforming()), components.getUtility(ISolid, "main") is cube, components.queryAdapter(dice, IPrinted), list(components.getUtilitiesFor(ISolid)) == [("main", cube)], components)
classImplementsOnly(Dice, IPrinted)
changes = type("Watcher", (), {"changed": lambda self, spec: print("changed")})()
implementedBy(Dice).subscribe(changes)
classImplements(Dice, IShape)
print(ISolid.providedBy(dice), [it.__name__ for it in implementedBy(Dice)])


@implementer(IShape)
class Broken:
    name = ""

    def area(self):
        return 0


for action in (
    lambda: verifyObject(IShape, Broken()),
    lambda: verifyClass(ISolid, Broken),
    lambda: IShape.validateInvariants(Broken()),
    lambda: IPrinted(Conforming),
    lambda: components.getUtility(IShape),
    lambda: components.getAdapter(5, IShape),
    lambda: IShape["none"],
    lambda: IShape.__class__("IBad", (int,)),
    lambda: implementer(IShape)(5),
    lambda: noLongerProvides(cube, IShape),
    lambda: fast.LookupBase().lookup(5, IShape),
):
    try:
        print("no error:", action())
    except Exception as error:
        print(type(error).__name__, str(error).split(" at 0x")[0].split("<function")[0][:100])
