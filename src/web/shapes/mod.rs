//! The words of the trade as the API shows them, a file each.

mod booking;
mod eta;
mod file;
mod fix;
pub mod needs;
mod page;
mod site;
mod window;
pub mod words;

pub use booking::{BookingShape, Warning};
pub use eta::EtaShape;
pub use file::File;
pub use fix::{FixShape, flag_names};
pub use page::{List, PageParams};
pub use site::{PlaceShape, SiteShape, StopShape};
pub use window::WindowShape;
