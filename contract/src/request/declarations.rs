//! The macros that declare requests. Part of [`crate::request`].

/// Declares requests. Each is a `body`, a `query` or the parameters of a `path`, with `required` and `optional`
/// members. `#[name]` sets a name that is not an identifier, and `#[example]` an example.
///
/// Every declaration gives a struct that is written with serde, and `drafts::Name` with `take`, which reads it from a
/// [`Form`], and `complete`. A body has a schema and can be a [`Member`] of bodies that another module declares. The
/// others describe parameters.
macro_rules! requests {
    ($(
        $(#[doc = $doc:literal])*
        $place:ident $name:ident {$(
            $(#[doc = $about:literal])* $(#[name = $wire:literal])? $(#[example = $example:expr])?
            $need:ident $field:ident : $type:ty
        ),* $(,)?}
    )*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Clone, PartialEq)]
            pub struct $name {$(
                $(#[doc = $about])*
                pub $field: $crate::request::need!(@type $need $type),
            )*}

            impl $name {
                /// The members: name, whether it is required, schema with description.
                fn members() -> Vec<$crate::request::Described> {
                    vec![$({
                        let example = [$(Some(serde_json::json!($example)),)? None].into_iter().next().flatten();
                        let schema = <$type as $crate::request::Member>::schema();
                        let schema = $crate::request::described(schema, &[$($about),*], example);
                        ([$($wire,)? stringify!($field)][0], $crate::request::need!(@is_required $need), schema)
                    }),*]
                }
            }

            impl $crate::request::Request for $name {
                fn read(mut form: $crate::form::Form) -> Result<Self, $crate::fault::Faults> {
                    drafts::$name::take(&mut form).complete_in(form)
                }
            }

            impl serde::Serialize for $name {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    use serde::ser::SerializeMap as _;
                    let mut map = serializer.serialize_map(None)?;
                    $($crate::request::need!(
                        @write $need map [$($wire,)? stringify!($field)][0], &self.$field);)*
                    map.end()
                }
            }

            $crate::request::place!($place $name [$($doc)*] [$($type),*]);
        )*

        /// Requests as they were read: every member that is present and valid.
        pub mod drafts {
            #[allow(clippy::wildcard_imports, unused_imports, reason = "the types of the declarations")]
            use super::*;
            $(
                $(#[doc = $doc])*
                #[derive(Debug)]
                pub struct $name {$(
                    $(#[doc = $about])*
                    pub $field: Option<<$type as $crate::request::Member>::Read>,
                )*}

                impl $name {
                    /// Takes all members out of `form`, which then contains their faults.
                    #[must_use]
                    pub fn take(form: &mut $crate::form::Form) -> Self {
                        Self {$(
                            $field: {
                                let name = [$($wire,)? stringify!($field)][0];
                                let taken = <$type as $crate::request::Member>::take(form, name);
                                $crate::request::need!(@taken $need form, name, taken)
                            },
                        )*}
                    }

                    /// The request that was read from `form`.
                    ///
                    /// # Errors
                    /// All faults of the form.
                    pub fn complete_in(
                        self,
                        form: $crate::form::Form,
                    ) -> Result<super::$name, $crate::fault::Faults> {
                        form.finish(self.complete())
                    }

                    /// The request; `None` if a required member is missing.
                    #[must_use]
                    pub fn complete(self) -> Option<super::$name> {
                        Some(super::$name {$(
                            $field: $crate::request::need!(
                                @complete $need self.$field, <$type as $crate::request::Member>::complete),
                        )*})
                    }
                }
            )*
        }
    };
}

/// The parts of a declaration that depend on whether a member is required.
macro_rules! need {
    (@type required $type:ty) => { $type };
    (@type optional $type:ty) => { Option<$type> };
    (@is_required required) => { true };
    (@is_required optional) => { false };
    (@write required $map:ident $name:expr, $value:expr) => { $map.serialize_entry($name, $value)? };
    (@write optional $map:ident $name:expr, $value:expr) => {
        if let Some(value) = $value {
            $map.serialize_entry($name, value)?;
        }
    };
    (@taken required $form:ident, $name:expr, $taken:expr) => { $form.required($name, $taken) };
    (@taken optional $form:ident, $name:expr, $taken:expr) => { $taken };
    (@complete required $read:expr, $complete:expr) => { $complete($read?)? };
    (@complete optional $read:expr, $complete:expr) => {
        match $read {
            Some(read) => Some($complete(read)?),
            None => None,
        }
    };
}

/// The part of a declaration that depends on its place.
macro_rules! place {
    (body $name:ident [$($doc:literal)*] [$($type:ty),*]) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let mut object = utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::Object)
                    .description(Some($crate::request::prose(&[$($doc),*])))
                    .additional_properties(Some(
                        utoipa::openapi::schema::AdditionalProperties::FreeForm(false)));
                for (name, is_required, schema) in Self::members() {
                    object = match is_required {
                        true => object.property(name, schema).required(name),
                        false => object.property(name, $crate::request::nullable(schema)),
                    };
                }
                object.into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schemas(out: &mut $crate::request::Schemas) {
                $(<$type as $crate::request::Member>::schemas(out);)*
            }
        }

        impl $crate::request::Member for $name {
            type Read = drafts::$name;

            fn take(form: &mut $crate::form::Form, name: &str) -> Option<Self::Read> {
                form.optional_draft(name, drafts::$name::take)
            }

            fn complete(read: Self::Read) -> Option<Self> {
                read.complete()
            }

            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::request::reference(stringify!($name))
            }

            fn schemas(out: &mut $crate::request::Schemas) {
                out.push((stringify!($name).to_owned(), <Self as utoipa::PartialSchema>::schema()));
                <Self as utoipa::ToSchema>::schemas(out);
            }
        }
    };
    (query $name:ident $doc:tt $types:tt) => {
        $crate::request::place!(parameters $name Query);
    };
    (path $name:ident $doc:tt $types:tt) => {
        $crate::request::place!(parameters $name Path);
    };
    (parameters $name:ident $place:ident) => {
        impl utoipa::IntoParams for $name {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                let place = utoipa::openapi::path::ParameterIn::$place;
                let parameters = Self::members().into_iter();
                parameters.map(|member| $crate::request::parameter(&place, member)).collect()
            }
        }
    };
}

/// Declares bodies that have several forms, told apart by the word in one member.
macro_rules! tagged {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident by $tag:literal { $($variant:ident($form:ident) = $word:literal),* $(,)? }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        #[serde(tag = $tag, rename_all = "snake_case")]
        pub enum $name {$(
            #[doc = concat!("`", $tag, "` is `", $word, "`.")]
            $variant($form),
        )*}

        impl $name {
            /// Takes the body out of `form`, which then contains its faults.
            pub fn take(form: &mut $crate::form::Form) -> Option<Self> {
                match form.word($tag, &[$($word),*]) {
                    $(Some($word) => drafts::$form::take(form).complete().map(Self::$variant),)*
                    _ => {
                        // Which other members there can be depends on the tag.
                        form.discard_all();
                        None
                    }
                }
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let variants = [$(
                    $crate::request::with_tag(<$form as utoipa::PartialSchema>::schema(), $tag, $word)
                ),*];
                $crate::request::one_of(&[$($doc),*], variants)
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

pub(crate) use {need, place, requests, tagged};
