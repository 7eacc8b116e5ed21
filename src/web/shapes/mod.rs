//! The words of the trade as the API shows them, a file each.

mod booking;
mod eta;
mod fix;
mod money;
mod page;
mod site;
mod window;

pub use booking::{BookingShape, Warning};
pub use eta::EtaShape;
pub use fix::{FixShape, flag_names};
pub use money::MoneyShape;
pub use page::{List, PageParams};
pub use site::{PlaceShape, SiteShape, StopShape};
pub use window::WindowShape;
