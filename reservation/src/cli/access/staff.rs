//! The commands for members of staff.

use std::process::ExitCode;

use anyhow::Context as _;
use contract::reservation::roles::{Roles, RolesView};
use contract::reservation::staff::{InviteStaff, InvitedStaff, StaffList, StaffStatus, StaffView};
use contract::values::{AnyVenue, Line, List};
use events::staff::Role;
use events::values::Locale;
use events::{StaffId, VenueId};
use reqwest::Method;
use tokio::runtime::Runtime;

use super::service::{Reach, Service, print};

/// A command for the members of staff of a running service.
#[derive(Debug, clap::Subcommand)]
pub enum StaffAction {
    /// List the members of staff
    Staff,
    /// Invite a person: by mail, or with a link that is printed and valid for 15 minutes
    Invite {
        /// What the person does: host, manager or owner
        #[arg(long, value_parser = role)]
        role: Role,
        /// A venue where the person has the role; may be repeated. Required unless --all-venues is given
        #[arg(
            id = "staff_venues",
            long = "venue",
            value_name = "VENUE",
            required_unless_present = "all_venues"
        )]
        venues: Vec<VenueId>,
        /// The person has the role at all venues, later ones included
        #[arg(long, conflicts_with = "staff_venues")]
        all_venues: bool,
        /// The address that gets the invitation; without it the link is printed
        #[arg(long, requires = "name")]
        email: Option<String>,
        /// The name of the person
        #[arg(long)]
        name: Option<String>,
        /// The language of mails to the person, id or en
        #[arg(long, value_parser = locale)]
        locale: Option<Locale>,
    },
    /// Print a link with which the first owner signs up within 15 minutes; nothing if an owner has an account
    SignUpLink,
    /// Send a person another invitation, or print another link
    InviteAgain {
        /// The id of the person, see `staff`
        staff_id: StaffId,
    },
    /// End the account of a person at once; it cannot be undone
    Remove {
        /// The id of the person, see `staff`
        staff_id: StaffId,
    },
}

fn role(text: &str) -> Result<Role, String> {
    let known = Role::ALL.into_iter().find(|role| role.word() == text);
    known.ok_or_else(|| "host, manager or owner".to_owned())
}

fn locale(text: &str) -> Result<Locale, String> {
    Locale::from_tag(text).ok_or_else(|| "id or en".to_owned())
}

impl StaffAction {
    /// Runs the command on the service that `reach` leads to.
    ///
    /// # Errors
    /// A message for the operator.
    pub fn run(&self, reach: &Reach) -> anyhow::Result<ExitCode> {
        Runtime::new()?.block_on(self.ask(&Service::at(reach)?))
    }

    async fn ask(&self, service: &Service) -> anyhow::Result<ExitCode> {
        match self {
            Self::Staff => list(service).await?.iter().try_for_each(|person| print(&line(person)))?,
            Self::Invite { role, venues, all_venues: _, email, name, locale } => {
                let body = InviteStaff {
                    roles: roles(*role, venues),
                    email: email.as_deref().map(Line::known),
                    name: name.as_deref().map(Line::known),
                    locale: *locale,
                };
                invited(&service.send(Method::POST, "/staff", Some(&body)).await?)?;
            }
            Self::SignUpLink => sign_up_link(service).await?,
            Self::InviteAgain { staff_id } => again(service, *staff_id).await?,
            Self::Remove { staff_id } => {
                service.send_empty(Method::POST, &format!("/staff/{staff_id}/remove")).await?;
                print(&format!("{staff_id} can no longer sign in"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(service: &Service) -> anyhow::Result<Vec<StaffView>> {
    let StaffList { items } = service.send::<(), _>(Method::GET, "/staff", None).await?;
    Ok(items)
}

/// Prints the link for the first owner. An earlier link that was not used is replaced.
async fn sign_up_link(service: &Service) -> anyhow::Result<()> {
    let people = list(service).await?;
    let is_owner = |person: &&StaffView| !person.roles.owner.is_empty();
    if people.iter().filter(is_owner).any(|person| person.status == StaffStatus::Joined) {
        return Ok(());
    }
    match people.iter().filter(is_owner).find(|person| person.email.is_none()) {
        Some(person) => again(service, person.staff_id).await,
        None => {
            let body = InviteStaff { roles: roles(Role::Owner, &[]), email: None, name: None, locale: None };
            invited(&service.send(Method::POST, "/staff", Some(&body)).await?)
        }
    }
}

async fn again(service: &Service, id: StaffId) -> anyhow::Result<()> {
    invited(&service.send::<(), _>(Method::POST, &format!("/staff/{id}/invitation"), None).await?)
}

/// Prints the link of an invitation, or to whom it is sent.
fn invited(InvitedStaff { staff, invitation }: &InvitedStaff) -> anyhow::Result<()> {
    match invitation {
        Some(link) => print(&link.url),
        None => {
            let address = staff.email.as_deref().context("the service did not send the link: try again")?;
            print(&format!("the invitation is sent to {address}"))
        }
    }
}

fn roles(role: Role, venues: &[VenueId]) -> Roles {
    let all = vec![AnyVenue::All];
    let venues = if venues.is_empty() { all } else { venues.iter().cloned().map(AnyVenue::One).collect() };
    let of = |wanted| (role == wanted).then(|| List(venues.clone()));
    Roles { host: of(Role::Host), manager: of(Role::Manager), owner: of(Role::Owner) }
}

fn line(person: &StaffView) -> String {
    let RolesView { host, manager, owner } = &person.roles;
    let all = [("host", host), ("manager", manager), ("owner", owner)];
    let held = all.into_iter().filter(|(_, venues)| !venues.is_empty());
    let roles: Vec<_> = held.map(|(role, venues)| format!("{role} of {}", venues.join(","))).collect();
    let name = person.name.as_deref().unwrap_or("(enters a name when joining)");
    let email = person.email.as_deref().unwrap_or("-");
    format!("{}  {:15}  {name}  {email}  {}", person.staff_id, person.status, roles.join("; "))
}
