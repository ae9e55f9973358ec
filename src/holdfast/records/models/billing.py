"""Tables of what a tenant sells and bills: services, invoices and their charges. Amounts are whole minor units (cents)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, Integer, String, Text, UniqueConstraint, false, true
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.records.database.columns import Base, Timestamp, UuidText, utc_now
from holdfast.records.database.defaults import NOW, RANDOM_ID
from holdfast.records.database.uuids import new_id


class Service(Base):
    """What a tenant offers to its clients. `default_rate` is per `unit_of_measure`; `tax_rate_ppm` is millionths of the amount: 190,000 is
    19 percent."""

    __tablename__ = "services"
    __table_args__ = (
        CheckConstraint("item_kind IN ('service', 'product')", name="services_item_kind_chk"),
        CheckConstraint("billing_method IN ('fixed', 'hourly', 'usage')", name="services_billing_method_chk"),
        Index("services_tenant_name_idx", "tenant", "service_name"),
    )

    service_id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    tenant: Mapped[str] = mapped_column(UuidText, ForeignKey("tenants.tenant", ondelete="CASCADE"))
    service_name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    item_kind: Mapped[str] = mapped_column(String(16), default="service", server_default="service")
    billing_method: Mapped[str] = mapped_column(String(16), default="fixed", server_default="fixed")
    service_type_id: Mapped[str | None] = mapped_column(UuidText)
    service_type_name: Mapped[str | None] = mapped_column(String(255))
    default_rate: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    unit_of_measure: Mapped[str | None] = mapped_column(String(64))
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    sku: Mapped[str | None] = mapped_column(String(64))
    tax_rate_ppm: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class Invoice(Base):
    """A bill to a client. `extension_install_id` is the install that made it, if one did.

    An install creates one invoice for an `idempotency_key`; `request_hash` is the SHA-256 of what it asked for, in hex.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        UniqueConstraint("tenant", "invoice_number", name="invoices_tenant_number_uq"),
        Index("invoices_tenant_client_idx", "tenant", "client_id"),
        Index("invoices_install_key_uq", "tenant", "extension_install_id", "idempotency_key", unique=True),
    )

    invoice_id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    tenant: Mapped[str] = mapped_column(UuidText, ForeignKey("tenants.tenant", ondelete="CASCADE"))
    client_id: Mapped[str] = mapped_column(UuidText, ForeignKey("clients.client_id", ondelete="CASCADE"))
    invoice_number: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(32), default="draft", server_default="draft")
    is_manual: Mapped[bool] = mapped_column(default=True, server_default=true())
    invoice_date: Mapped[date]
    due_date: Mapped[date]
    po_number: Mapped[str | None] = mapped_column(String(128))
    currency_code: Mapped[str] = mapped_column(String(3), default="USD", server_default="USD")
    subtotal: Mapped[int] = mapped_column(BigInteger)
    tax: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    total: Mapped[int] = mapped_column(BigInteger)
    extension_install_id: Mapped[str | None] = mapped_column(UuidText)
    idempotency_key: Mapped[str | None] = mapped_column(String(128))
    request_hash: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=utc_now, server_default=NOW)


class InvoiceCounter(Base):
    """The number that the newest invoice of a tenant got. It changes in the transaction that creates the invoice."""

    __tablename__ = "invoice_counters"

    tenant: Mapped[str] = mapped_column(UuidText, ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True)
    last_number: Mapped[int] = mapped_column(BigInteger)


class InvoiceCharge(Base):
    """One line of an invoice. `rate` of a percentage is rounded to a whole one; `discount_percentage` is exact."""

    __tablename__ = "invoice_charges"
    __table_args__ = (
        CheckConstraint("discount_type IN ('percentage', 'fixed')", name="invoice_charges_discount_type_chk"),
        Index("invoice_charges_invoice_idx", "tenant", "invoice_id"),
    )

    item_id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id, server_default=RANDOM_ID)
    invoice_id: Mapped[str] = mapped_column(UuidText, ForeignKey("invoices.invoice_id", ondelete="CASCADE"))
    tenant: Mapped[str] = mapped_column(UuidText, ForeignKey("tenants.tenant", ondelete="CASCADE"))
    service_id: Mapped[str | None] = mapped_column(UuidText, ForeignKey("services.service_id", ondelete="SET NULL"))
    description: Mapped[str] = mapped_column(String(500))
    quantity: Mapped[float] = mapped_column(Float)
    rate: Mapped[int] = mapped_column(BigInteger)
    is_discount: Mapped[bool] = mapped_column(default=False, server_default=false())
    discount_type: Mapped[str | None] = mapped_column(String(16))
    applies_to_item_id: Mapped[str | None] = mapped_column(UuidText)
    applies_to_service_id: Mapped[str | None] = mapped_column(UuidText)
    net_amount: Mapped[int] = mapped_column(BigInteger)
    tax_amount: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    total_price: Mapped[int] = mapped_column(BigInteger)
    discount_percentage: Mapped[float | None] = mapped_column(Float)
    position: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
