"""What the test scripts print with: every line says what was asked and what came back, the same on any Python."""
import inspect
import re


def from_extension(module):
    """Make sure that `module` is the compiled one, not the interpreter's own stand-in."""
    assert module.__file__.endswith(".so"), f"{module!r} is not an extension module"
    print(f"=== {module.__name__}: {module.__doc__!r}, loaded by {type(module.__loader__).__name__}")


def said(error):
    """An exception's class and message, and those of what it came from."""
    # CPython's internal errors name the line of its own source.
    message = re.sub(r"^[^ ]*[.]c:[0-9]+: ", "", str(error))
    text = f"{type(error).__qualname__}: {re.sub(r' at 0x[0-9a-f]+', ' at 0x..', message)}"
    if error.__cause__ is not None:
        text += f" [from {said(error.__cause__)}]"
    elif error.__context__ is not None and not error.__suppress_context__:
        text += f" [during {said(error.__context__)}]"
    return text


def transcript(namespace, lines):
    """Run each of `lines` like a line typed at the prompt, and print its value or its error."""
    for line in lines.strip().splitlines():
        line = line.strip()
        if not line:
            continue
        print(">>>", line)
        try:
            code = compile(line, "<transcript>", "eval")
        except SyntaxError:
            code = compile(line, "<transcript>", "exec")
        try:
            value = eval(code, namespace)
        except Exception as error:
            print(said(error))
        else:
            if value is not None:
                print(repr(value))


def document(*functions):
    """Print all that a function tells about itself."""
    for function in functions:
        print("---", function.__qualname__, type(function).__name__)
        print("name", function.__name__, "module", getattr(function, "__module__", "-"))
        owner = getattr(function, "__self__", None)
        print("self", getattr(owner, "__name__", type(owner).__name__))
        print("text_signature", getattr(function, "__text_signature__", None))
        print("doc", repr(function.__doc__))
        try:
            print("signature", inspect.signature(function))
        except ValueError:
            print("no signature")
