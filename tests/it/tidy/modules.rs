//! The modules of a crate and their imports, read from the sources.
//!
//! At every level of the module tree, siblings must not import each other in a circle. Imports between a
//! module and its ancestors or descendants are ignored, because a module and its submodules count as one unit. An
//! import of a name that another module re-exports counts as an import of the module that defines the name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

type ModulePath = Vec<String>;

/// The modules of one crate.
pub struct Modules {
    /// The lines of each module, except comment lines.
    code: BTreeMap<ModulePath, String>,
    /// The re-exported names of each module, with the paths that define them.
    exports: BTreeMap<(ModulePath, String), ModulePath>,
}

impl Modules {
    /// Reads `sources` of a crate whose root file lies in `src`.
    pub fn read(src: &Path, sources: &[(std::path::PathBuf, String)]) -> Self {
        let mut modules = Self { code: BTreeMap::new(), exports: BTreeMap::new() };
        for (path, text) in sources {
            let relative = path.strip_prefix(src).unwrap().with_extension("");
            let mut module: ModulePath =
                relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            if module == ["main"] {
                continue;
            }
            if module == ["lib"] {
                module.clear();
            }
            let code = super::code(text).collect::<Vec<_>>().join("\n");
            let code = code.replace("pub(super) use ", "pub use ").replace("pub(crate) use ", "pub use ");
            modules.code.insert(module, code);
        }
        for (module, code) in &modules.code {
            for path in code.split("pub use ").skip(1).flat_map(use_tree) {
                if let (Some(path), Some(name)) = (resolve(module, &path), path.last()) {
                    modules.exports.insert((module.clone(), name.clone()), path);
                }
            }
        }
        modules
    }

    /// All import circles. Each is the sorted list of the paths of its sibling modules.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let mut edges: BTreeMap<ModulePath, BTreeSet<ModulePath>> = BTreeMap::new();
        for (from, code) in &self.code {
            for to in self.imports(from, code) {
                let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
                if common < from.len() && common < to.len() {
                    edges.entry(from[..=common].to_vec()).or_default().insert(to[..=common].to_vec());
                }
            }
        }
        let mut circles = BTreeSet::new();
        for start in edges.keys() {
            if let Some(circle) = circle_through(start, &edges) {
                let mut names: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
                names.sort();
                circles.insert(names);
            }
        }
        circles.into_iter().collect()
    }

    /// The modules that `module` imports something from.
    pub fn imports(&self, module: &[String], code: &str) -> BTreeSet<ModulePath> {
        let mut found = BTreeSet::new();
        for root in ["crate::", "super::", "self::"] {
            for (at, _) in code.match_indices(root) {
                let before = code[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                    continue;
                }
                for path in use_tree(&code[at..]) {
                    found.extend(resolve(module, &path).and_then(|path| self.module_of(path)));
                }
            }
        }
        found
    }

    /// The imports of all modules.
    pub fn all_imports(&self) -> impl Iterator<Item = (&ModulePath, BTreeSet<ModulePath>)> {
        self.code.iter().map(|(module, code)| (module, self.imports(module, code)))
    }

    /// The module that defines the item at `path`.
    fn module_of(&self, mut path: ModulePath) -> Option<ModulePath> {
        // A re-export can lead to another one.
        for _ in 0..8 {
            let depth = (0..=path.len()).rev().find(|depth| self.code.contains_key(&path[..*depth]))?;
            let module = path[..depth].to_vec();
            let export = path.get(depth).and_then(|name| self.exports.get(&(module.clone(), name.clone())));
            match export {
                Some(target) if *target != path => path = target.clone(),
                _ => return Some(module),
            }
        }
        None
    }
}

/// The paths of the use tree that `text` starts with, such as `a::{b, c::d}`.
fn use_tree(text: &str) -> Vec<ModulePath> {
    let (paths, _) = branch(text);
    paths
}

fn branch(text: &str) -> (Vec<ModulePath>, &str) {
    let text = text.trim_start();
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = (text[..end].to_owned(), &text[end..]);
    let Some(below) = rest.strip_prefix("::") else {
        let rest = match rest.trim_start().strip_prefix("as ") {
            Some(alias) => alias.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
            None => rest,
        };
        return (if name.is_empty() { vec![] } else { vec![vec![name]] }, rest);
    };
    let (children, rest) = match below.trim_start().strip_prefix('{') {
        Some(mut list) => {
            let mut children = Vec::new();
            loop {
                let (more, rest) = branch(list);
                children.extend(more);
                let rest = rest.trim_start();
                match rest.strip_prefix(',') {
                    Some(next) => list = next,
                    None => break (children, rest.strip_prefix('}').unwrap_or(rest)),
                }
            }
        }
        None => branch(below),
    };
    let with_name = |child: ModulePath| std::iter::once(name.clone()).chain(child).collect();
    match children.is_empty() {
        true => (vec![vec![name]], rest),
        false => (children.into_iter().map(with_name).collect(), rest),
    }
}

/// The path from the root of the crate; `None` if `path` is empty or has more `super`s than `module` has ancestors. A
/// path without `crate`, `self` or `super` is taken to start at a submodule of `module`; for an item of another crate,
/// the result names no module.
fn resolve(module: &[String], path: &[String]) -> Option<ModulePath> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    let base = match path.first()?.as_str() {
        "crate" => vec![],
        "self" => module.to_vec(),
        "super" => module[..module.len().checked_sub(supers)?].to_vec(),
        // Without a prefix: a submodule of this module, or another crate.
        _ => return Some([module, path].concat()),
    };
    Some([&base[..], &path[supers.max(1)..]].concat())
}

/// A circle that leads from `start` back to it.
fn circle_through(
    start: &ModulePath,
    edges: &BTreeMap<ModulePath, BTreeSet<ModulePath>>,
) -> Option<Vec<ModulePath>> {
    let mut ways = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in edges.get(way.last()?).into_iter().flatten() {
            if next == start {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                ways.push([&way[..], std::slice::from_ref(next)].concat());
            }
        }
    }
    None
}

/// A positive control: planted circles are found, and other imports are not reported.
#[test]
fn a_planted_circle_is_found() {
    let circles = |files: &[(&str, &str)]| {
        let src = Path::new("/src");
        let files: Vec<_> = files.iter().map(|(path, text)| (src.join(path), (*text).to_owned())).collect();
        Modules::read(src, &files).circles()
    };
    let tree = [("lib.rs", "pub mod a; pub mod b;"), ("a.rs", "use crate::b::{self, X as Y};"), ("b.rs", "")];
    assert_eq!(circles(&tree), Vec::<Vec<String>>::new());
    let back = [tree[0], tree[1], ("b.rs", "fn f() { crate::a::g() }")];
    assert_eq!(circles(&back), [["a", "b"]]);
    let below = [tree[0], tree[1], ("b.rs", "mod c;"), ("b/c.rs", "use super::super::a::Z;")];
    assert_eq!(circles(&below), [["a", "b"]]);
    for visible in ["pub", "pub(crate)"] {
        let root = format!("{visible} use a::Z;");
        let exported = [("lib.rs", root.as_str()), tree[1], ("b.rs", "use crate::Z;")];
        assert_eq!(circles(&exported), [["a", "b"]]);
    }
    let family = [("a.rs", "mod c; use self::c::X;"), ("a/c.rs", "use super::Y;")];
    assert_eq!(circles(&family), Vec::<Vec<String>>::new());
    let siblings = [("a.rs", ""), ("a/c.rs", "use super::d::X;"), ("a/d.rs", "use super::{c::Y};")];
    assert_eq!(circles(&siblings), [["a::c", "a::d"]]);
}
