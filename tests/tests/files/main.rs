//! Files of a directory, as clients see them.

mod basics;
mod links;
mod pages;
mod site;
mod slow;
