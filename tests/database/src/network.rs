//! A network namespace with links to this machine. A cut link loses all packets, as between two machines.

use std::process::Command;

use crate::run;

/// The links have the addresses `10.231.NUMBER.*`, four each.
const NUMBERS: u32 = 255;

/// A namespace, removed when this is dropped. Processes in it must have ended before.
#[derive(Debug)]
pub struct Network {
    name: String,
    number: u32,
    links: u8,
}

impl Network {
    /// Makes a namespace with so many links.
    ///
    /// # Errors
    /// The reason why this machine, or this user, cannot have one.
    pub fn with_links(links: u8) -> Result<Self, String> {
        let mut said = String::new();
        // A name that is taken belongs to another test.
        for number in (0..NUMBERS).map(|attempt| (std::process::id() + attempt) % NUMBERS) {
            let name = format!("meja{number}");
            let output = Command::new("ip").args(["netns", "add", &name]).output();
            let output = output.map_err(|error| format!("the program ip cannot be run: {error}"))?;
            if output.status.success() {
                let network = Self { name, number, links };
                (0..links).for_each(|link| network.connect(link));
                return Ok(network);
            }
            said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            if !said.contains("File exists") {
                break;
            }
        }
        Err(format!("no network namespace can be made here: {said}"))
    }

    fn connect(&self, link: u8) {
        let (outside, inside) = (self.outside(link), inside(link));
        ip(&["link", "add", &outside, "type", "veth", "peer", "name", &inside, "netns", &self.name]);
        ip(&["address", "add", &format!("{}/30", self.host(link, 1)), "dev", &outside]);
        ip(&["link", "set", &outside, "up"]);
        ip(&["-n", &self.name, "address", "add", &format!("{}/30", self.address(link)), "dev", &inside]);
        self.mend(link);
    }

    /// The address, in the namespace, of a link.
    #[must_use]
    pub fn address(&self, link: u8) -> String {
        self.host(link, 2)
    }

    fn host(&self, link: u8, host: u8) -> String {
        format!("10.231.{}.{}", self.number, 4 * link + host)
    }

    fn outside(&self, link: u8) -> String {
        format!("{}o{link}", self.name)
    }

    /// The words in front of a command that runs in the namespace.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        ["ip", "netns", "exec", &self.name].map(str::to_owned).to_vec()
    }

    /// Loses all packets on a link from now on. No side is told.
    pub fn cut(&self, link: u8) {
        ip(&["-n", &self.name, "link", "set", &inside(link), "down"]);
    }

    /// Ends a cut.
    pub fn mend(&self, link: u8) {
        ip(&["-n", &self.name, "link", "set", &inside(link), "up"]);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for link in 0..self.links {
            let _ = Command::new("ip").args(["link", "delete", &self.outside(link)]).output();
        }
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).output();
    }
}

fn inside(link: u8) -> String {
    format!("link{link}")
}

fn ip(words: &[&str]) {
    run(Command::new("ip").args(words));
}
