use std::fmt;

macro_rules! faults {
    ($($name:ident $text:literal)*) => {
        /// What is wrong with a header. `Display` is one short sentence with the section of the specification.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Fault {
            $(#[doc = $text] $name,)*
        }

        impl Fault {
            /// Every one of them.
            pub const ALL: &[Fault] = &[$(Fault::$name,)*];

            /// One short sentence with the section of the specification.
            pub fn text(self) -> &'static str {
                match self {
                    $(Fault::$name => $text,)*
                }
            }
        }
    };
}

faults! {
    Missing "no PROXY header where one is required (PROXY protocol 2)"
    LineTooLong "a line of more than 107 bytes (PROXY protocol 2.1)"
    LineEnd "a control character before the end of the line (PROXY protocol 2.1)"
    Shape "not exactly four fields after the protocol's name, one space apart (PROXY protocol 2.1)"
    Protocol "a protocol other than TCP4, TCP6 and UNKNOWN (PROXY protocol 2.1)"
    Address "an address that is none of its family (PROXY protocol 2.1)"
    Port "a port that is no number from 0 to 65535 without leading zeros (PROXY protocol 2.1)"
    Version "a version other than 2 (PROXY protocol 2.2)"
    Command "a command other than LOCAL and PROXY (PROXY protocol 2.2)"
    Family "an address family that is not defined (PROXY protocol 2.2)"
    Transport "a transport that is not defined, or datagrams (PROXY protocol 2.2)"
    BlockTooLong "a block of more than 4096 bytes (PROXY protocol 2.2)"
    BlockTooShort "a block that is too short for its addresses (PROXY protocol 2.2)"
    Field "a field that does not fit into its block (PROXY protocol 2.2.1)"
    Checksum "a checksum that is wrong, repeated or no 4 bytes (PROXY protocol 2.2.4)"
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl std::error::Error for Fault {}
