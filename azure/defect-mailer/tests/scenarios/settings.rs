//! A mailer that must not start.

use super::mailer::Start;

#[test]
fn wrong_settings_end_it_with_2_and_all_faults_in_readable_lines() {
    let state = tempfile::tempdir().unwrap();
    let start = Start::new(25, state.path())
        .with("MAILER_SMTP_HOST", "smtp.plant.example")
        .with("MAILER_SMTP_SECURITY", "none")
        .with("MAILER_SMTP_USER", "andon")
        .with("MAILER_TOO", "x")
        .with("MAILER_TO", "nobody");
    let (code, text) = start.refuses();
    assert_eq!(code, Some(2), "{text}");
    for variable in [
        "FUNCTIONS_CUSTOMHANDLER_PORT",
        "MAILER_SMTP_SECURITY",
        "MAILER_SMTP_PASSWORD",
        "MAILER_TOO",
        "MAILER_TO:",
    ] {
        assert_eq!(
            text.lines().filter(|line| line.contains(&format!("defect-mailer: {variable}"))).count(),
            1,
            "{text}"
        );
    }
}

#[test]
fn a_state_folder_that_cannot_be_made_is_a_fault_of_the_settings() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (code, text) = Start::new(25, &file).with("FUNCTIONS_CUSTOMHANDLER_PORT", "1").refuses();
    assert!(code == Some(2) && text.contains("MAILER_STATE"), "{text}");
}
