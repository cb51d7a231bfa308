"""Check a skill folder, or a bank of them, against the format: all that a reader relies on."""

from skillbank.skill_check.bank import BankReport, check_bank
from skillbank.skill_check.findings import CheckReport, Finding
from skillbank.skill_check.folder import check_folder

__all__ = ["BankReport", "CheckReport", "Finding", "check_bank", "check_folder"]
