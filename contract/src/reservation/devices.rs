//! Devices at the stands of venues.

use chrono::{DateTime, Utc};
use events::{DeviceId, StaffId, VenueId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sessions::CODE_CHARS_MAX;
use crate::request::requests;
use crate::values::{Line, ReasonCode, Secret};
use crate::words::words;

requests! {
    /// A device at the stand of a venue.
    body AddDevice {
        /// The venue.
        #[example = "bandung-dago"]
        required venue_id: VenueId,
        /// Its name for people. It is published in events and cannot be erased: do not use the name of a person.
        #[example = "tablet at the door"]
        required name: Line<64>,
    }

    /// The end of a device.
    body RevokeDevice {
        /// `revoked` by default.
        #[example = "lost"]
        optional reason_code: ReasonCode,
    }

    /// The enrolment of this device.
    body EnrolDevice {
        /// The code that was shown when the device was added.
        #[example = "7F3KM-Q2W9T"]
        required code: Secret<1, CODE_CHARS_MAX>,
    }

    /// The path of a device.
    path DevicePath {
        /// The id of the device.
        required device_id: DeviceId,
    }
}

words! {
    /// Whether a device can be used.
    open DeviceStatus {
        /// It was enrolled.
        Enrolled = "enrolled",
        /// Its code waits to be entered.
        Waiting = "waiting",
        /// The time of its code is over.
        CodeOver = "code_over",
    }
}

/// A device at the stand of a venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceView {
    /// The device.
    pub device_id: DeviceId,
    /// The venue.
    pub venue_id: VenueId,
    /// Its name for people.
    #[schema(example = "tablet at the door")]
    pub name: String,
    /// Whether it can be used.
    pub status: DeviceStatus,
    /// When it was added.
    pub added_at: DateTime<Utc>,
    /// Until when the code is valid.
    pub code_expires_at: DateTime<Utc>,
    /// When it was enrolled.
    pub enrolled_at: Option<DateTime<Utc>>,
}

/// A device with its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddedDevice {
    /// The device.
    pub device: DeviceView,
    /// What to enter on the device. Shown in this response only; it counts once.
    #[schema(example = "7F3KM-Q2W9T")]
    pub code: String,
}

/// The devices that the caller may see, the first one first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Devices {
    /// The devices.
    pub items: Vec<DeviceView>,
}

/// What a device at the stand shows before a person signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandView {
    /// The device.
    pub device: DeviceView,
    /// The people who can sign in here with a PIN, by name.
    pub people: Vec<StandPerson>,
}

/// The response to a device that says that it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandPresence {
    /// The time of the service. The clock of a device may be wrong.
    pub at: DateTime<Utc>,
    /// After how many seconds the device says so again.
    #[schema(example = 30)]
    pub repeat_after_seconds: u32,
}

/// A person who can sign in at the stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandPerson {
    /// The person.
    pub staff_id: StaffId,
    /// The name.
    #[schema(example = "Sari Wulandari")]
    pub name: String,
}
