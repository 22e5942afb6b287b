//! A SCIM 2.0 service (RFC 7643, RFC 7644) as a directory.

mod bulk;
pub mod filter;
mod find;
mod guard;
mod locks;
mod paging;
pub mod path;
mod preset;
mod provider;
mod service;
mod settings;
mod sweep;
mod tally;
pub mod transport;
pub mod url;
pub mod wire;

pub use self::preset::Preset;
pub use self::settings::Credentials;
pub use self::settings::Overrides;
pub use self::settings::Proxy;
pub use self::settings::Rate;
pub use self::settings::RoleAttribute;
pub use self::settings::ScimSettings;
pub use self::settings::SettingFault;
pub use self::settings::Verify;
