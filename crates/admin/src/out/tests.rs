//! The same data in three ways.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;

struct Kept(Rc<RefCell<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn printed(rendering: Rendering, show: impl FnOnce(&mut Out)) -> String {
    let kept = Rc::new(RefCell::new(Vec::new()));
    let mut out = Out::new(rendering, Box::new(Kept(kept.clone())));
    show(&mut out);
    out.finish(true).expect("memory takes all");
    String::from_utf8(kept.borrow().clone()).expect("UTF-8")
}

fn show(out: &mut Out) {
    let mut table = Table::new("%-6s %-4s%n", &[("#Name", "name"), ("#QID", "queueId")]);
    table.push(vec!["a\u{1b}".into(), 7.into()]);
    table.push(vec!["bb".into(), Cell::from(12).tone(Tone::Bad)]);
    out.table("queues", &table);
    out.pairs("settings/here", "%-5s=%s%n", &[("k", "v")]);
    out.fact("Total: 2", "total", 2);
    out.text("done");
}

#[test]
fn plain_is_javas() {
    let text = printed(Rendering::Plain, show);
    assert_eq!(text, "#Name  #QID\na\u{1b}     7   \nbb     12  \nk    =v\nTotal: 2\ndone");
}

#[test]
fn terminals_get_aligned_and_harmless_text() {
    let text = printed(Rendering::Terminal, show);
    assert!(text.contains("a?      7\n"), "{text:?}");
    assert!(text.contains("\u{1b}[31m 12\u{1b}[0m"), "{text:?}");
    assert!(text.ends_with("done\n"), "{text:?}");
}

#[test]
fn json_is_one_object() {
    let text = printed(Rendering::Json, show);
    assert_eq!(
        text,
        "{\"queues\":[{\"name\":\"a\\u001b\",\"queueId\":7},{\"name\":\"bb\",\"queueId\":12}],\
         \"settings\":{\"here\":{\"k\":\"v\"}},\"total\":2,\"messages\":[\"done\"]}\n"
    );
}
