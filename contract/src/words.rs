//! Enumerations: values from a fixed set of words.

/// Declares enumerations. Each is written and read as one of its words, and its schema lists them.
///
/// An `open` enumeration is one that a later version may extend: it has the additional value `Unknown`, which is read
/// from any other word, and which services never write.
macro_rules! words {
    ($($(#[$doc:meta])* $kind:ident $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal),* $(,)? })*) => {$(
        $crate::words::words!(@$kind [$(#[$doc])*] $name { $($(#[$about])* $variant = $word),* });

        impl $name {
            /// All values.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The value with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl $crate::request::Scalar for $name {
            fn take(form: &mut $crate::form::Form, name: &str) -> Option<Self> {
                form.optional_word(name, Self::ALL, Self::word)
            }

            fn schema() -> utoipa::openapi::Schema {
                $crate::request::text().enum_values(Some([$($word),*])).into()
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                <Self as $crate::request::Scalar>::schema().into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
    (@closed [$($doc:tt)*] $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal),* }) => {
        $($doc)*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$about])* $variant),* }

        impl $name {
            /// The word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::from_word(&word)
                    .ok_or_else(|| serde::de::Error::unknown_variant(&word, &[$($word),*]))
            }
        }
    };
    (@open [$($doc:tt)*] $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal),* }) => {
        $($doc)*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$about])* $variant,)*
            /// A word of a later version.
            Unknown,
        }

        impl $name {
            /// The word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* Self::Unknown => "unknown" }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Ok(Self::from_word(&word).unwrap_or(Self::Unknown))
            }
        }
    };
}

pub(crate) use words;
