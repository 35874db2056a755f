"""The panel and the synthesizer of examples/router/osc.cfg."""

from devices import OscDevice
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

panel = OscDevice("panel", 8000)
synth = OscDevice("synth", 9001, 9000)

panel.send_message("/1/fader1", 0.5)
synth.hears()
panel.send_message("/1/pad", [0.5, -1.0])
synth.hears(2)

# A pattern that is for two addresses.
panel.send_message("/1/fader{1,2}", 0.75)
synth.hears(2)

synth.send_message("/synth/filter/cutoff", 20000.0)
panel.hears()

bundle = OscBundleBuilder(IMMEDIATELY)
for address, value in [("/synth/gate", 255), ("/synth/filter/resonance", 0.25)]:
    message = OscMessageBuilder(address)
    message.add_arg(value)
    bundle.add_content(message.build())
synth.send(bundle.build())
panel.hears(2)

# Another panel is heard, and answered from then on.
other = OscDevice("other panel", 8000)
other.send_message("/1/fader2", True)
synth.hears()
synth.send_message("/synth/gate", 0)
other.hears()

for device in [panel, synth, other]:
    device.hears_nothing_more()
