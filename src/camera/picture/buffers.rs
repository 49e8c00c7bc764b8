//! Memory of pictures that is used again.

use std::sync::Arc;

/// So many free ones are kept; how many are on their way goes up and down.
const SPARE: usize = 4;

/// Memory of a larger picture is not kept: it is rare.
const LARGEST: usize = 8 * 1024 * 1024;

/// Where a source puts its pictures' bytes, one picture after the other. A picture is made on one thread and done with on
/// another, and memory that always goes that way is what an allocator is slow to bring back: it is kept here instead.
#[derive(Debug, Default)]
pub struct Buffers {
    /// Those that only this holds are free.
    lent: Vec<Arc<Vec<u8>>>,
}

impl Buffers {
    /// The bytes that `write` puts into an empty buffer.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn fill<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Arc<Vec<u8>>, E> {
        let free = self.lent.iter_mut().position(|it| Arc::get_mut(it).is_some());
        let mut buffer = free.map(|at| self.lent.swap_remove(at)).unwrap_or_default();
        let bytes = Arc::make_mut(&mut buffer);
        bytes.clear();
        let written = write(bytes);
        if bytes.capacity() <= LARGEST {
            self.lent.push(Arc::clone(&buffer));
        }
        let mut free = 0;
        self.lent.retain(|it| {
            let is_free = Arc::strong_count(it) == 1;
            free += usize::from(is_free);
            !is_free || free <= SPARE
        });
        written.map(|()| buffer)
    }

    /// A copy of bytes.
    pub fn copy(&mut self, bytes: &[u8]) -> Arc<Vec<u8>> {
        let copied = self.fill(|buffer| {
            buffer.extend_from_slice(bytes);
            Ok::<_, std::convert::Infallible>(())
        });
        match copied {
            Ok(copied) => copied,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_any_more_is_used_again_and_what_is_held_is_not_touched() {
        let mut buffers = Buffers::default();
        let held = buffers.copy(b"held");
        let place = buffers.copy(b"for a moment").as_ptr();
        let next = buffers.copy(b"next");
        assert_eq!((next.as_slice(), next.as_ptr()), (&b"next"[..], place));
        assert_eq!(held.as_slice(), b"held");
    }

    #[test]
    fn what_many_pictures_at_once_or_a_large_one_took_is_given_up() {
        let mut buffers = Buffers::default();
        let many: Vec<_> = (0..50).map(|_| buffers.copy(b"picture")).collect();
        drop(many);
        buffers.copy(&vec![0; LARGEST + 1]);
        buffers.copy(b"small");
        assert!(buffers.lent.len() <= SPARE + 1);
        assert!(buffers.lent.iter().all(|it| it.capacity() <= LARGEST));
    }

    #[test]
    fn a_buffer_that_could_not_be_filled_is_empty_when_it_is_used_again() {
        let mut buffers = Buffers::default();
        let failed = buffers.fill(|buffer| {
            buffer.extend_from_slice(b"half of");
            Err("it is gone")
        });
        assert_eq!(failed, Err("it is gone"));
        assert_eq!(buffers.copy(b"whole").as_slice(), b"whole");
    }
}
