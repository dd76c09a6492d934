//! A ring buffer.
use crate::alloc::Block;
use std::{collections::HashMap, fmt};

mod sync;

/// A ring of bytes.
#[derive(Debug, Clone)]
pub struct Ring<T> {
    items: Vec<T>,
}

pub enum Full {
    Drop,
    Grow(usize),
}

/// What can be drained.
pub trait Drain {
    type Item;
    fn drain(&mut self) -> Vec<Self::Item>;
    fn is_empty(&self) -> bool {
        true
    }
}

impl<T> Drain for Ring<T> {
    type Item = T;
    fn drain(&mut self) -> Vec<T> {
        std::mem::take(&mut self.items)
    }
}

impl Ring<u8> {
    pub const LIMIT: usize = 4096;

    /// Makes a ring.
    #[must_use]
    pub fn with_capacity(n: usize) -> Self {
        Self { items: Vec::with_capacity(n) }
    }
}

macro_rules! ring {
    ($($x:expr),*) => { Ring { items: vec![$($x),*] } };
}

pub(crate) async fn pump() {}
