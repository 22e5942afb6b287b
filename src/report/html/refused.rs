//! A refusal as a page.

use std::io;
use std::io::Write;

use super::Page;
use crate::report::refused::Refusal;

/// Writes `*.report.html` of a roster that was refused as a whole.
pub fn refused_html(refusal: &Refusal<'_>, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let Refusal { run, feed, roster, ended, why, hints } = refusal;
    let mut page = Page::begin(out, &format!("{roster} is refused"))?;
    page.paragraph("The roster as a whole is refused. Nothing was changed.")?;
    page.paragraph(why)?;
    for hint in *hints {
        page.paragraph(&format!("Hint: {hint}"))?;
    }
    page.paragraph(&format!("Feed {feed}, run {run}, {ended}."))?;
    page.markup("</body>\n</html>\n")
}
