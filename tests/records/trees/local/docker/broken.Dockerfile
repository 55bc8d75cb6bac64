FROM $MISSING
USER $WHO
RUN

FROM alpine:3.20 AS 5
ENV A=1 B
COPY --from=nowhere /a /b
FROM alpine:3.20 AS twice
FROM alpine:3.20 AS twice
NOTHING here
EXPOSE
CMD ["unclosed"
