//! The table of the C API, `stub/api.tsv`, and the functions behind it say the same of every function: how many
//! arguments of which kind, what comes back, who owns it. The checking mode and the stub's entries believe the table.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use rustclad_tests::root;
use syn::visit::Visit;
use syn::{FnArg, Item, ItemFn, ReturnType, Type};

/// What crosses in one place, as far as the calling convention and the rules of ownership can tell.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Nothing,
    Object,
    Pointer,
    Function,
    Integer {
        bits: u8,
        signed: bool,
    },
    Real,
    Complex,
    /// What follows `...`, or a `va_list`.
    Rest,
    /// A type that has no shape here.
    Unknown,
}

/// Who owns the object that a function returns.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Owner {
    Caller,
    Somebody,
    /// It is no object, or nothing is said.
    Unsaid,
}

/// One function, as one of the two sides describes it.
#[derive(Debug, PartialEq)]
struct Signature {
    arguments: Vec<Shape>,
    result: Shape,
    owner: Owner,
    /// The numbers, from 1, of the arguments whose reference is taken over.
    steals: BTreeSet<usize>,
    /// What is returned with an exception; `-` if nothing is said.
    error: &'static str,
    /// Whether it is known that an exception is set sometimes.
    raises: bool,
}

impl fmt::Display for Shape {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => to.write_str("nothing"),
            Self::Object => to.write_str("an object"),
            Self::Pointer => to.write_str("a pointer"),
            Self::Function => to.write_str("a function"),
            Self::Integer { bits, signed } => write!(to, "{} {bits} bits", if *signed { "signed" } else { "unsigned" }),
            Self::Real => to.write_str("a double"),
            Self::Complex => to.write_str("a complex number"),
            Self::Rest => to.write_str("variadic arguments"),
            Self::Unknown => to.write_str("a type that this test does not know"),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Caller => "new",
            Self::Somebody => "borrowed",
            Self::Unsaid => "nobody's",
        })
    }
}

impl Shape {
    const fn integer(bits: u8, signed: bool) -> Self {
        Self::Integer { bits, signed }
    }

    /// The value of this shape that says "an exception is set": `CResult::ERROR`, in the table's words.
    fn error(self) -> &'static str {
        match self {
            Self::Object | Self::Pointer | Self::Function => "NULL",
            Self::Integer { .. } => "-1",
            Self::Real | Self::Complex => "-1.0",
            Self::Nothing | Self::Rest | Self::Unknown => "-",
        }
    }

    /// Whether the code may have this shape where the table has `other`.
    fn stands_for(self, other: Self) -> bool {
        // The memory of an object that is not whole is `void *` in C.
        self == other || (self == Self::Object && other == Self::Pointer)
    }
}

/// The functions as the code has them.
mod code {
    use super::*;

    /// All functions of the folder that stand behind a symbol, by name.
    pub(super) fn read() -> BTreeMap<String, Signature> {
        let files = ["capi", "capi/support", "abi/layout", "twins/forms"].map(sources).concat();
        let parsed: Vec<_> = files.iter().map(|text| syn::parse_file(text).expect("it compiles")).collect();
        let items = || parsed.iter().flat_map(|file| &file.items);
        let aliases = items().filter_map(|item| match item {
            Item::Type(alias) => Some((alias.ident.to_string(), (*alias.ty).clone())),
            _ => None,
        });
        let names = Names(aliases.collect());
        items().filter_map(|item| names.function(item)).collect()
    }

    fn sources(folder: &str) -> Vec<String> {
        let folder = root().join("mapper/src").join(folder);
        let files = std::fs::read_dir(folder).expect("the folder is there").map(|file| file.expect("readable").path());
        files
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .map(|path| std::fs::read_to_string(path).expect("readable"))
            .collect()
    }

    /// What `type NAME = ...` stands for.
    pub(super) struct Names(pub(super) HashMap<String, Type>);

    impl Names {
        /// A function's name and signature, if it stands behind a symbol.
        fn function(&self, item: &Item) -> Option<(String, Signature)> {
            let Item::Fn(function) = item else { return None };
            let name = function.sig.ident.to_string();
            let is_c = function.sig.abi.is_some() && matches!(function.vis, syn::Visibility::Public(_));
            let is_api = name.starts_with("Py") || name.starts_with("_Py");
            (is_c && is_api).then(|| (name, self.signature(function)))
        }

        pub(super) fn signature(&self, function: &ItemFn) -> Signature {
            let types: Vec<&Type> = function
                .sig
                .inputs
                .iter()
                .map(|input| match input {
                    FnArg::Typed(argument) => &*argument.ty,
                    FnArg::Receiver(_) => unreachable!("no method is exported"),
                })
                .collect();
            let (result, owner) = match &function.sig.output {
                ReturnType::Default => (Shape::Nothing, Owner::Unsaid),
                ReturnType::Type(_, result) => (self.shape(result), owner(result)),
            };
            Signature {
                arguments: types.iter().map(|argument| self.shape(argument)).collect(),
                result,
                owner,
                steals: (1..).zip(&types).filter(|(_, ty)| is(ty, "Stolen")).map(|(at, _)| at).collect(),
                error: result.error(),
                raises: raises(function),
            }
        }

        fn shape(&self, ty: &Type) -> Shape {
            match ty {
                Type::Never(_) => Shape::Nothing,
                Type::BareFn(_) => Shape::Function,
                Type::Ptr(pointer) if is(&pointer.elem, "VaList") => Shape::Rest,
                Type::Ptr(pointer) if is(&pointer.elem, "PyTypeObject") => Shape::Object,
                Type::Ptr(_) => Shape::Pointer,
                Type::Path(path) => {
                    let last = path.path.segments.last().expect("no path is empty");
                    match &last.arguments {
                        // An `Option` of a function is a function that may be missing.
                        syn::PathArguments::AngleBracketed(list) => match list.args.first() {
                            Some(syn::GenericArgument::Type(inner)) => self.shape(inner),
                            _ => Shape::Unknown,
                        },
                        _ => self.named(&last.ident.to_string()),
                    }
                }
                _ => Shape::Unknown,
            }
        }

        fn named(&self, name: &str) -> Shape {
            match name {
                "Borrowed" | "Stolen" | "New" | "Lent" | "Block" => Shape::Object,
                "c_char" | "i8" => Shape::integer(8, true),
                "u8" => Shape::integer(8, false),
                "c_int" | "i32" => Shape::integer(32, true),
                "c_uint" | "u32" => Shape::integer(32, false),
                "c_long" | "i64" | "isize" => Shape::integer(64, true),
                "c_ulong" | "u64" | "usize" => Shape::integer(64, false),
                "f64" => Shape::Real,
                "Py_complex" => Shape::Complex,
                "sighandler_t" => Shape::Function,
                _ => self.0.get(name).map_or(Shape::Unknown, |ty| self.shape(ty)),
            }
        }
    }

    fn owner(ty: &Type) -> Owner {
        match () {
            () if is(ty, "New") => Owner::Caller,
            () if is(ty, "Lent") => Owner::Somebody,
            () => Owner::Unsaid,
        }
    }

    /// Whether a function's body goes through `api`, which sets what it raises and returns the error value.
    fn raises(function: &ItemFn) -> bool {
        struct Calls(bool);
        impl<'a> Visit<'a> for Calls {
            fn visit_expr_call(&mut self, call: &'a syn::ExprCall) {
                self.0 |= matches!(&*call.func, syn::Expr::Path(path) if path.path.is_ident("api"));
                syn::visit::visit_expr_call(self, call);
            }

            /// What is bound to a name is made something else before it is returned.
            fn visit_local(&mut self, _: &'a syn::Local) {}
        }
        let mut calls = Calls(false);
        calls.visit_block(&function.block);
        calls.0
    }

    /// Whether a type's last name is this one.
    fn is(ty: &Type, name: &str) -> bool {
        matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
    }
}

/// The functions as the table has them.
mod table {
    use super::*;

    /// The functions' rows by name.
    pub(super) fn read() -> BTreeMap<String, Vec<String>> {
        let table = std::fs::read_to_string(root().join("stub/api.tsv")).expect("the table is part of the project");
        let rows = table.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        rows.filter(|row| row[1] == "func").map(|row| (row[0].clone(), row)).collect()
    }

    /// What a row's columns say: prototype, result, steals, error. None if it has no prototype.
    pub(super) fn signature([prototype, result, steals, error]: [&str; 4]) -> Option<Signature> {
        let (head, arguments) = prototype.split_once(" (").or_else(|| prototype.split_once('('))?;
        let at = head.rfind(|letter: char| letter != '_' && !letter.is_alphanumeric())? + 1;
        let arguments = arguments.strip_suffix(')')?;
        let arguments = match arguments {
            "void" | "" => Vec::new(),
            list => split(list).into_iter().map(shape).collect(),
        };
        Some(Signature {
            arguments,
            result: shape(&head[..at]),
            owner: match result {
                "new" => Owner::Caller,
                "borrowed" => Owner::Somebody,
                _ => Owner::Unsaid,
            },
            steals: steals.split(',').filter_map(|number| number.parse().ok()).collect(),
            raises: error != "-",
            error: ["NULL", "-1", "-1.0", "-2"].into_iter().find(|known| *known == error).unwrap_or("-"),
        })
    }

    /// The arguments of a prototype, in which functions have arguments of their own.
    fn split(list: &str) -> Vec<&str> {
        let mut depth = 0;
        list.split(|letter| {
            match letter {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            letter == ',' && depth == 0
        })
        .collect()
    }

    pub(super) fn shape(text: &str) -> Shape {
        let text = text.trim().trim_start_matches("const ").trim_start_matches("struct ");
        if text.contains("(*") {
            return Shape::Function;
        }
        if let Some(target) = text.strip_suffix('*') {
            return match target.trim() {
                "__va_list_tag" => Shape::Rest,
                "PyObject" | "PyTypeObject" | "PyVarObject" | "PyCodeObject" | "PyDictObject" | "PyFrameObject"
                | "PyFunctionObject" | "PyGenObject" | "PyListObject" | "PyLongObject" | "PySliceObject"
                | "PyWeakReference" => Shape::Object,
                _ => Shape::Pointer,
            };
        }
        match text {
            "void" => Shape::Nothing,
            "..." | "va_list" => Shape::Rest,
            "double" => Shape::Real,
            "Py_complex" => Shape::Complex,
            "char" => Shape::integer(8, true),
            "unsigned char" => Shape::integer(8, false),
            "int"
            | "int32_t"
            | "PyGILState_STATE"
            | "PyLockStatus"
            | "PySendResult"
            | "PyMemAllocatorDomain"
            | "_PyTime_round_t" => Shape::integer(32, true),
            "unsigned int" | "uint32_t" | "Py_UCS4" => Shape::integer(32, false),
            "long" | "long int" | "long long int" | "int64_t" | "Py_ssize_t" | "Py_hash_t" | "PyTime_t" => {
                Shape::integer(64, true)
            }
            "long unsigned int" | "long long unsigned int" | "uint64_t" | "uintptr_t" | "size_t" | "Py_uhash_t" => {
                Shape::integer(64, false)
            }
            "PyThread_type_lock" => Shape::Pointer,
            _ if is_function(text) => Shape::Function,
            _ => Shape::Unknown,
        }
    }

    /// Whether CPython's name for a type is one of a pointer to a function.
    fn is_function(name: &str) -> bool {
        let ends = ["func", "Func", "Function", "Callback", "_Destructor", "proc"];
        let others = ["PyRefTracer", "PyOS_sighandler_t", "gcvisitobjects_t"];
        others.contains(&name) || ends.iter().any(|end| name.ends_with(end))
    }
}

/// What the two sides of a function tell differently, a line each.
fn differences(name: &str, code: &Signature, table: &Signature) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, code: &dyn fmt::Display, table: &dyn fmt::Display| {
        found.push(format!("{name}: {what}: {code} in the code, {table} in the table"));
    };
    let counts = (code.arguments.len(), table.arguments.len());
    if counts.0 != counts.1 {
        differ("number of arguments", &counts.0, &counts.1);
    }
    for (number, (code, table)) in (1..).zip(code.arguments.iter().zip(&table.arguments)) {
        if !code.stands_for(*table) || *code == Shape::Unknown {
            differ(&format!("argument {number}"), code, table);
        }
    }
    if !code.result.stands_for(table.result) || code.result == Shape::Unknown {
        differ("result", &code.result, &table.result);
    }
    let says_nothing = code.result == Shape::Object && code.owner == Owner::Unsaid;
    if code.owner != table.owner || says_nothing {
        differ("reference that it returns", &code.owner, &table.owner);
    }
    if code.steals != table.steals {
        differ("arguments taken over", &format!("{:?}", code.steals), &format!("{:?}", table.steals));
    }
    // Two functions whose -1 says something else: their bodies turn what `api` returns into -2 themselves.
    let minus_two = table.error == "-2" && code.error == "-1" && !code.raises;
    if code.error != table.error && (table.raises || code.raises) && !minus_two {
        differ("error value", &code.error, &table.error);
    }
    found
}

/// What is wrong with a function's row, if it has one.
fn checked(name: &str, code: &Signature, row: Option<[&str; 4]>) -> Vec<String> {
    match row.map(table::signature) {
        None => vec![format!("{name}: in the code, but not in the table: nobody can call it")],
        Some(None) => vec![format!("{name}: in the code, but without a prototype in the table")],
        Some(Some(table)) => differences(name, code, &table),
    }
}

#[test]
fn the_table_is_true() {
    let rows = table::read();
    let mut found = Vec::new();
    for (name, code) in code::read() {
        let row = rows.get(&name).map(|row| [&*row[4], &row[5], &row[6], &row[7]]);
        found.extend(checked(&name, &code, row));
    }
    assert!(found.is_empty(), "{} differences\n{}", found.len(), found.join("\n"));
}

/// What is found between a function and a row.
fn compared(function: &str, row: impl Into<Option<[&'static str; 4]>>) -> Vec<String> {
    let function = syn::parse_str(function).expect("a function");
    let code = code::Names(HashMap::new()).signature(&function);
    checked("PyX", &code, row.into())
}

#[test]
fn what_agrees_is_not_reported() {
    let rows: [(&str, [&'static str; 4]); 5] = [
        ("fn x(a: Borrowed, n: isize) -> New {}", ["PyObject *PyX (PyObject *, Py_ssize_t)", "new", "-", "NULL"]),
        ("fn x(a: Borrowed, b: Stolen) -> c_int {}", ["int PyX (PyTypeObject *, PyObject *)", "-", "2", "-1"]),
        ("fn x() -> Lent {}", ["PyObject *PyX (void)", "borrowed", "-", "-"]),
        ("fn x(a: *const c_char, r: *mut VaList) -> f64 {}", ["double PyX (const char *, ...)", "-", "-", "-1.0"]),
        ("fn x(f: Option<unsafe extern \"C\" fn(c_int)>) {}", ["void PyX (void (*) (int, int))", "-", "-", "-"]),
    ];
    for (function, row) in rows {
        assert_eq!(compared(function, row), [] as [&str; 0]);
    }
}

#[test]
fn each_sort_of_difference_is_found() {
    let rows: [(&str, [&'static str; 4], &str); 10] = [
        ("fn x() {}", ["void PyX (int)", "-", "-", "-"], "number of arguments: 0 in the code, 1 in the table"),
        ("fn x(n: c_int) {}", ["void PyX (size_t)", "-", "-", "-"], "argument 1: signed 32 bits in the code"),
        ("fn x(n: u32) {}", ["void PyX (int)", "-", "-", "-"], "argument 1: unsigned 32 bits in the code"),
        ("fn x(p: *mut c_void) {}", ["void PyX (PyObject *)", "-", "-", "-"], "argument 1: a pointer in the code"),
        ("fn x(r: isize) {}", ["void PyX (...)", "-", "-", "-"], "argument 1: signed 64 bits in the code"),
        ("fn x() -> f64 {}", ["int PyX (void)", "-", "-", "-"], "result: a double in the code"),
        ("fn x() -> New {}", ["PyObject *PyX (void)", "borrowed", "-", "NULL"], "reference that it returns: new in"),
        ("fn x(a: Borrowed) {}", ["void PyX (PyObject *)", "-", "1", "-"], "arguments taken over: {} in the code"),
        ("fn x() -> isize { api(f) }", ["Py_ssize_t PyX (void)", "-", "-", "-"], "error value: -1 in the code, - in"),
        ("fn x() -> c_int {}", ["int PyX (void)", "-", "-", "NULL"], "error value: -1 in the code, NULL in the table"),
    ];
    for (function, row, message) in rows {
        let found = compared(function, row);
        assert!(matches!(&found[..], [one] if one.starts_with(&format!("PyX: {message}"))), "{function}: {found:?}");
    }
}

#[test]
fn a_block_says_too_little() {
    let found = compared("fn x() -> Block {}", ["PyObject *PyX (void)", "new", "-", "NULL"]);
    assert_eq!(found, ["PyX: reference that it returns: nobody's in the code, new in the table"]);
    let found = compared("fn x() -> *mut PyTypeObject {}", ["PyTypeObject *PyX (void)", "-", "-", "NULL"]);
    assert_eq!(found, ["PyX: reference that it returns: nobody's in the code, nobody's in the table"]);
}

#[test]
fn a_function_without_a_row_is_found() {
    assert_eq!(compared("fn x() {}", None), ["PyX: in the code, but not in the table: nobody can call it"]);
    let found = compared("fn x() {}", ["-", "-", "-", "-"]);
    assert_eq!(found, ["PyX: in the code, but without a prototype in the table"]);
}
