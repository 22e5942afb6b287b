//! A SCIM 2.0 service (RFC 7643, RFC 7644) as a directory.

pub mod filter;
pub mod flat;
pub mod path;
pub mod wire;

mod preset;
mod service;
mod settings;

pub use self::preset::Preset;
pub use self::settings::Credentials;
pub use self::settings::Overrides;
pub use self::settings::Proxy;
pub use self::settings::Rate;
pub use self::settings::RoleAttribute;
pub use self::settings::ScimSettings;
pub use self::settings::SettingFault;
pub use self::settings::Verify;
